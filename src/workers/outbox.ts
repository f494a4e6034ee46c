import type { Config } from '../config.ts'
import type { ChatEvent } from '../protocol/events.ts'
import type { Turn } from '../rooms/ports.ts'
import type { NewJob, Outbox } from './ports.ts'

/** Messages of one turn that may be news to somebody's devices: `from` and `to` are their first and last seq. */
export interface PushJob {
  readonly chatId: string
  readonly from: number
  readonly to: number
}

/** An event that an endpoint is to hear of. It holds ids and numbers; the words are read when it is sent. */
export interface WebhookJob {
  readonly url: string
  readonly chatId: string
  readonly seq: number
  readonly at: string
  readonly type: string
  readonly messageId?: string
  readonly marks?: readonly object[]
}

/** pushVias lists the ways by which pushes go out. */
export function pushVias(config: Config): ('onesignal' | 'webpush' | 'webhook')[] {
  return [
    ...(config.ONESIGNAL_APP_ID === undefined ? [] : (['onesignal'] as const)),
    ...(config.VAPID_PUBLIC_KEY === undefined ? [] : (['webpush'] as const)),
    ...(config.PUSH_WEBHOOK_URL === undefined ? [] : (['webhook'] as const)),
  ]
}

/** createOutbox names the pushes and webhooks that a turn causes; undefined where nothing of it is configured. */
export function createOutbox(config: Config): Outbox | undefined {
  const hasPush = pushVias(config).length > 0
  const urls = config.WEBHOOK_EVENTS.length === 0 ? [] : config.WEBHOOK_URLS
  if (!hasPush && urls.length === 0) return undefined
  const delay = config.PUSH_DELAY_SECONDS * 1_000
  return (turn) => [
    ...(hasPush ? pushOf(turn, delay) : []),
    ...(urls.length > 0 ? webhooksOf(turn, urls, config.WEBHOOK_EVENTS) : []),
  ]
}

function pushOf({ chatId, events }: Turn, delay: number): NewJob[] {
  const news = events.filter(
    (event) => event.type === 'message:new' && event.data.message.contentType !== 'system',
  )
  const [first] = news
  const last = news.at(-1)
  if (!first || !last) return []
  return [{ kind: 'push', payload: { chatId, from: first.seq, to: last.seq } satisfies PushJob, delay }]
}

function webhooksOf({ events }: Turn, urls: readonly string[], wanted: Config['WEBHOOK_EVENTS']): NewJob[] {
  return events.flatMap((event) => {
    const about = aboutOf(event)
    if (!about.some((it) => wanted.includes(it))) return []
    return urls.map((url) => ({ kind: 'webhook', payload: toWebhookJob(event, url) }))
  })
}

/** What an event is about, as `WEBHOOK_EVENTS` names it. Whether a message is a note shows when it is sent. */
function aboutOf(event: ChatEvent): Config['WEBHOOK_EVENTS'] {
  if (event.type.startsWith('message:')) return ['message', 'note']
  if (event.type === 'receipts') return ['receipt']
  if (event.type.startsWith('session:')) return ['session']
  return event.type === 'chat:created' && event.data.chat.kind === 'session' ? ['session'] : []
}

function toWebhookJob(event: ChatEvent, url: string): WebhookJob {
  const { type, chatId, seq, at } = event
  const job = { url, type, chatId, seq, at }
  switch (type) {
    case 'message:new':
    case 'message:edited':
      return { ...job, messageId: event.data.message.id }
    case 'message:deleted':
      return { ...job, messageId: event.data.messageId }
    case 'receipts':
      return { ...job, marks: event.data.marks }
    default:
      return job
  }
}
