import { v5 as uuidv5 } from 'uuid'
import type { Config } from '../config.ts'
import type { PresenceStore } from '../gateway/ports.ts'
import { type PushJob, pushVias } from './outbox.ts'
import {
  type Delivery,
  JobError,
  type JobHandlers,
  type Newest,
  type NewJob,
  type Notification,
  type PushStore,
  type PushTokens,
  type Recipient,
  type Sender,
} from './ports.ts'

/** How many an instance does at once. A provider that hangs holds up no more than these. */
const RESOLVED_AT_ONCE = 8
const SENT_AT_ONCE = 32
/** Milliseconds for which nobody else tells a target: longer than a provider may take. */
const HOLD = 20_000
/** Milliseconds until another look at a target that somebody else has just told. */
const LEAST_WAIT = 200
const PREVIEW_CHARACTERS = 120
/** The namespace of the keys, which are UUIDv5: it was made once and never changes. */
const NAMESPACE = '4d1bd7a2-51a4-4f0e-9c0b-6a4f2b0e7c55'

/** A push to one user by one way: `deviceId` names a browser; other ways reach all of a user's devices at once. */
interface SendJob {
  readonly chatId: string
  readonly userId: string
  readonly via: Delivery['via']
  readonly deviceId?: string
}

interface PushDeps {
  readonly config: Config
  readonly pushes: PushStore
  readonly presence: PresenceStore
  readonly send: Sender
  readonly pushTokens?: PushTokens | undefined
}

/**
 * createPush does a push in two steps. `push` finds who has not read the messages of a turn, once they were there for
 * the delay; `push-send` tells one of them by one way, and looks again right before it does. It tells of the newest
 * message that is not read, so that whatever came in between goes with it.
 */
export function createPush({ config, pushes, presence, send, pushTokens }: PushDeps): JobHandlers {
  const vias = pushVias(config)
  const collapse = config.PUSH_COLLAPSE_SECONDS * 1_000

  async function resolve(job: PushJob): Promise<NewJob[]> {
    const recipients = await pushes.listRecipients(job)
    if (recipients.length === 0) return []
    const statuses = await presence.list(recipients.map(({ userId }) => userId))
    // Whoever has a connection that got it sees it there; one that is open and got nothing may be dead.
    const missed = recipients.filter(
      ({ userId, deliveredSeq }) => !statuses.has(userId) || deliveredSeq < job.to,
    )
    return missed.flatMap((recipient) => jobsFor(recipient, job.chatId))
  }

  function jobsFor({ userId, issuer, devices }: Recipient, chatId: string): NewJob[] {
    const browsers = devices.filter(({ provider }) => provider === 'webpush')
    return vias.flatMap((via) => {
      if (via === 'webpush') return browsers.map(({ id }) => toJob({ chatId, userId, via, deviceId: id }))
      const isReached =
        via === 'webhook' ||
        devices.some(({ provider }) => provider === via) ||
        pushTokens?.hasTokensOf(issuer)
      return isReached ? [toJob({ chatId, userId, via })] : []
    })
  }

  async function tell(jobId: string, job: SendJob): Promise<NewJob[]> {
    const { chatId, userId, via, deviceId } = job
    if (!vias.some((it) => it === via)) return []
    const to = { chatId, userId, target: deviceId ?? via }
    const newest = await pushes.holdNewest(to, { jobId, pause: collapse, milliseconds: HOLD })
    if (!newest || newest.seq <= newest.toldSeq) return []
    if (!newest.isHeld) return [toJob(job, Math.max(newest.wait, LEAST_WAIT))]
    const delivery = await deliveryOf(job, newest)
    if (!delivery) return []
    const sent = await send(delivery)
    if (sent.status === 'failed') throw new JobError(sent.error, sent.retryIn ?? 0)
    if (sent.status === 'sent') await pushes.markTold(to, newest.seq)
    else if (deviceId !== undefined) await pushes.removeDevice(userId, deviceId)
    return []
  }

  async function deliveryOf(job: SendJob, newest: Newest): Promise<Delivery | undefined> {
    const { via } = job
    const { addresses } = newest
    const notification = toNotification(newest, job)
    if (via === 'webhook') {
      const url = config.PUSH_WEBHOOK_URL ?? ''
      const { key, ...data } = notification
      const body = JSON.stringify({ type: 'push', timestamp: new Date().toISOString(), data })
      return { via, url, id: key, body }
    }
    if (via === 'onesignal') {
      const tokens = await withOlder(
        addresses.map(({ token }) => token),
        newest,
      )
      return tokens.length === 0 ? undefined : { via, tokens, notification }
    }
    const [browser] = addresses
    if (!browser?.keys) return undefined
    return { via, subscription: { endpoint: browser.token, keys: browser.keys }, notification }
  }

  /** Devices of an older system come to those that are known here; while it is away, these do not wait for it. */
  async function withOlder(tokens: readonly string[], user: Newest): Promise<readonly string[]> {
    if (!pushTokens?.hasTokensOf(user.issuer)) return tokens
    try {
      return [...new Set([...tokens, ...(await pushTokens.listTokens(user))])]
    } catch (error) {
      if (tokens.length > 0) return tokens
      throw error
    }
  }

  function toNotification(newest: Newest, { chatId, userId }: SendJob): Notification {
    const { messageId, kind, sender, chatName, unread } = newest
    const who = sender ?? 'Somebody'
    return {
      key: uuidv5(`${messageId}:${userId}`, NAMESPACE),
      title: kind === 'group' && chatName ? `${who} in ${chatName}` : who,
      body: config.PUSH_PREVIEW.includes(kind) ? preview(newest) : 'New message',
      link: config.PUSH_LINK.replaceAll('{chatId}', chatId).replaceAll('{messageId}', messageId),
      ...{ chatId, messageId, userId, unread },
    }
  }

  return {
    push: { atOnce: RESOLVED_AT_ONCE, run: ({ payload }) => resolve(payload as PushJob) },
    'push-send': { atOnce: SENT_AT_ONCE, run: ({ id, payload }) => tell(id, payload as SendJob) },
  }
}

/** One that waits tells of everything that came since, so another one is of no use. */
function toJob(payload: SendJob, delay = 0): NewJob {
  const { chatId, userId, via, deviceId } = payload
  return { kind: 'push-send', payload, delay, key: `push:${chatId}:${userId}:${deviceId ?? via}` }
}

/** The beginning of the words, never half a character. */
function preview({ content, contentType }: Newest): string {
  const words = content.replace(/\s+/g, ' ').trim()
  if (words === '') return contentType === 'image' ? 'Sent a picture' : 'Sent a file'
  const characters = [...words]
  return characters.length <= PREVIEW_CHARACTERS
    ? words
    : `${characters.slice(0, PREVIEW_CHARACTERS - 1).join('')}…`
}
