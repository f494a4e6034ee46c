import { type Client, createClient } from '../../../client/client.ts'
import type { ParleyError } from '../../../client/error.ts'
import type { SendAck } from '../../../client/outbox.ts'
import { enter } from '../enter.ts'
import type { Identity } from './identity.ts'
import { inParallel } from './parallel.ts'
import { ARCHIVIST, type Plan } from './plan.ts'

/** Of a chat, in each client's memory: an archive is too long to keep as often as it has readers. */
const KEPT_MESSAGES = 50
/** Accounts that are made at once. The service spends a quarter of a second of a core on each password. */
const ENTERED_AT_ONCE = 8
const CONNECTED_AT_ONCE = 16

export interface Words {
  readonly id: string
  readonly content: string
  readonly metadata: Readonly<Record<string, unknown>>
}

/** Voice is a user that speaks for one author or several, over one socket. */
export interface Voice {
  readonly userId: string
  readonly client: Client
  /** Resolves with the ack, however long that takes; rejects when the message is refused for good. */
  say(chatId: string, words: Words): Promise<SendAck>
}

export interface VoicesEvents {
  entered(): void
  /** The service asks for patience. */
  waits(error: ParleyError): void
}

/** createVoices registers the users that a plan needs, or logs them in. The place of each is its number. */
export function createVoices(
  url: string,
  { identity, plan }: { identity: Identity; plan: Plan },
  events: VoicesEvents,
): Promise<Voice[]> {
  const isShared = plan.users < plan.authors
  const numbers = Array.from({ length: 1 + plan.users }, (_, number) => number)
  return inParallel(numbers, ENTERED_AT_ONCE, async (number) => {
    const displayName = number === ARCHIVIST ? 'Archivist' : `${isShared ? 'Voice' : 'Author'} ${number}`
    const account = { username: identity.username(number), password: identity.password(number), displayName }
    const voice = await createVoice(url, account, events.waits)
    events.entered()
    return voice
  })
}

async function createVoice(
  url: string,
  account: Parameters<typeof enter>[1],
  waits: VoicesEvents['waits'],
): Promise<Voice> {
  let nextId = ''
  const settings = { keepMessages: KEPT_MESSAGES, tellDelivered: false }
  const client = createClient({ url, ...settings, uuid: () => nextId })
  const { id: userId } = await enter(client, account, waits)
  return {
    userId,
    client,
    say(chatId, { id, content, metadata }) {
      // The outbox names a message the moment that `send` is called.
      nextId = id
      return client.send(chatId, { content, metadata })
    },
  }
}

/** connectVoices resolves when all are live, and rejects when one is refused for good, then or later. */
export async function connectVoices(
  voices: readonly Voice[],
  onLive: () => void,
): Promise<{ readonly failed: Promise<never> }> {
  const refusal = Promise.withResolvers<never>()
  refusal.promise.catch(() => {})
  const connect = async ({ client }: Voice) => {
    await new Promise<void>((resolve) => {
      client.on('status', (status) => {
        if (status.state === 'live') resolve()
        if (status.state === 'stopped')
          refusal.reject(new Error(`A connection was refused: ${status.reason}`))
      })
      client.connect()
    })
    onLive()
  }
  await Promise.race([inParallel(voices, CONNECTED_AT_ONCE, connect), refusal.promise])
  return { failed: refusal.promise }
}
