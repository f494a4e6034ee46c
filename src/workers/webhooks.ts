import type { Config } from '../config.ts'
import type { UserSummary } from '../protocol/model.ts'
import type { RoomStore } from '../rooms/ports.ts'
import type { WebhookJob } from './outbox.ts'
import { JobError, type JobHandler, type Sender } from './ports.ts'

interface WebhookDeps {
  readonly config: Config
  readonly store: Pick<RoomStore, 'load' | 'read'>
  readonly send: Sender
}

/** How many webhooks an instance sends at once: some answer slowly, and must not hold up the others. */
const AT_ONCE = 32

/**
 * createWebhooks sends one event to one endpoint. What is told is the message or the chat as it is now: an edit or a
 * deletion that came meanwhile shows in it, and has its own event. Order is `seq`; events may arrive in any.
 */
export function createWebhooks({ config, store, send }: WebhookDeps): JobHandler {
  async function describe({ chatId, type, messageId, marks }: WebhookJob): Promise<object | undefined> {
    const state = await store.load(chatId)
    if (!state || !isWanted(type, state.chat.kind)) return undefined
    if (marks) return { chat: state.chat, marks }
    if (messageId === undefined) return { chat: state.chat }
    const { messages } = await store.read({ messageIds: [messageId], userIds: [], uploadIds: [] })
    const message = messages.get(messageId)
    const sender = state.participants.get(message?.senderId ?? '')?.user
    return { chat: state.chat, message: message ?? null, sender: sender ? toSummary(sender) : null }
  }

  /** Notes of staff are apart from all else: whoever gets sessions may show them to customers. */
  function isWanted(type: string, kind: string): boolean {
    if (kind === 'notes') return type.startsWith('message:') && config.WEBHOOK_EVENTS.includes('note')
    return !type.startsWith('message:') || config.WEBHOOK_EVENTS.includes('message')
  }

  return {
    atOnce: AT_ONCE,
    async run({ payload }) {
      const job = payload as WebhookJob
      const { url, chatId, seq, at } = job
      // An endpoint that was taken out of the settings gets nothing more.
      if (!config.WEBHOOK_URLS.includes(url)) return []
      const data = await describe(job)
      if (!data) return []
      const type = job.type.replace(':', '.')
      const body = JSON.stringify({ type, timestamp: at, data: { chatId, seq, ...data } })
      const sent = await send({ via: 'webhook', url, id: `${chatId}_${seq}`, body })
      if (sent.status === 'failed') throw new JobError(sent.error, sent.retryIn ?? 0)
      return []
    },
  }
}

function toSummary({ id, username, displayName, avatarUrl, type }: UserSummary): UserSummary {
  return { id, username, displayName, avatarUrl, type }
}
