import { tellStatus } from '../../src/gateway/presence.ts'
import { createRing } from '../../src/hosts/node/cluster/ring.ts'
import { createFleet, STILL } from './fleet.ts'

/** Sizes is how many bytes instances say to each other, as the service's own code encodes it. */
export interface Sizes {
  readonly send: Exchange
  readonly watermark: Exchange
  readonly typing: { readonly command: number; readonly news: number }
  readonly heartbeat: number
  /** What an instance says to itself, to know whether it hears. */
  readonly probe: number
  /** Somebody's status, with the chats and contacts to tell it to. */
  readonly presence: number
}

/** A command that is decided at another instance, its outcome, and what everybody hears of it. */
interface Exchange {
  readonly command: number
  readonly outcome: number
  readonly news: number
}

export interface SizesWanted {
  readonly content: string
  readonly chats: number
  readonly contacts: number
  /** Makes ids. */
  readonly uuid: () => string
}

/** measureSizes lets two instances in memory talk, and weighs what they say. */
export async function measureSizes({ content, chats, contacts, uuid }: SizesWanted): Promise<Sizes> {
  const { bus, instances, settle, createChat, pass } = await createFleet(2, uuid)
  const chat = await createChat('direct', [0, 1])
  const owner = createRing(instances.map(({ id }) => id)).ownerOf(chat.id)
  const away = instances.find(({ id }) => id !== owner)
  const [, principal] = chat.principals
  if (!away || !principal) throw new Error('Two instances, and a chat of two')
  const room = away.directory.get(chat.id)
  const origin = uuid()

  async function weigh(run: () => void): Promise<(channel: string) => number> {
    bus.clear()
    run()
    await settle()
    const published = [...bus.published]
    return (channel) => published.find((it) => it.channel.startsWith(channel))?.bytes ?? 0
  }

  const toExchange = (bytes: (channel: string) => number): Exchange => ({
    command: bytes(`relay:${owner}`),
    outcome: bytes(`relay:${away.id}`),
    news: bytes('chat:'),
  })

  const message = { type: 'message:send', chatId: chat.id, id: uuid(), content, contentType: 'text' } as const
  const mark = { type: 'message:delivered', chatId: chat.id, seq: 2 } as const
  const send = await weigh(() => void room.dispatch({ principal, origin, command: message }))
  const watermark = await weigh(() => void room.dispatch({ principal, origin, command: mark }))
  const typing = await weigh(() => room.typing(principal, true))
  const second = await weigh(pass)
  const status = { userId: uuid(), status: 'online', chatIds: ids(chats), contactIds: ids(contacts) } as const
  const presence = await weigh(() => tellStatus({ broadcast: away.broadcast, clock: STILL }, status))

  function ids(count: number): string[] {
    return Array.from({ length: count }, uuid)
  }

  return {
    send: toExchange(send),
    watermark: toExchange(watermark),
    typing: { command: typing(`relay:${owner}`), news: typing('chat:') },
    heartbeat: second('instances'),
    probe: second('probe'),
    presence: presence('presence'),
  }
}
