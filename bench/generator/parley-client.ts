import { createIndexReader, indexOfContent, readDigits } from './frame-text.ts'
import type { LoadClient, LoadClientEvents, LoadUser } from './load-client.ts'
import { type LoadSocket, openSocket } from './socket.ts'

/** Every frame begins so; its type follows. */
const TYPE_AT = '{"type":"'.length
const ACK_ID_AT = '{"type":"ack","id":"'.length
const EVENT_SEQ_AT = `{"type":"message:new","chatId":"${'0'.repeat(36)}","seq":`.length
const SEQ = Buffer.from('"seq":')
const [A, M, N, S] = Buffer.from('amns')
const SYNC = 'sync'
const LINE_END = 0x0a

const readIndex = createIndexReader()
/** Ids of one run: time and run in front, the message's index behind, as UUIDv7 asks. */
const ID_HEAD = toIdHead(Date.now())

/** createParleyClient speaks Parley's socket: hello, sync, message:send, and the one integer of its chat. */
export function createParleyClient({ token, chatId }: LoadUser, events: LoadClientEvents): LoadClient {
  let socket: LoadSocket | undefined
  let applied = 0
  /** What came before something that is missing: the seq, and the index where it is somebody's message. */
  const held = new Map<number, number | undefined>()

  /** Told in order, as an application sees it; what comes twice is told twice, so that it is counted. */
  function apply(seq: number, index?: number): void {
    if (seq > applied + 1 && !held.has(seq)) {
      held.set(seq, index)
      return
    }
    if (index !== undefined) events.delivered(index, seq)
    if (seq === applied + 1) catchUp(seq)
  }

  /** One frame a line. */
  function text(buffer: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const line = buffer.indexOf(LINE_END, at)
      const to = line === -1 || line > end ? end : line
      frame(buffer, at, to)
      at = to + 1
    }
  }

  function frame(buffer: Buffer, start: number, end: number): void {
    const type = buffer[start + TYPE_AT]
    if (type === M && buffer[start + TYPE_AT + 8] === N) {
      const seq = readDigits(buffer, start + EVENT_SEQ_AT)
      apply(seq, readIndex(buffer, start, end))
    } else if (type === A && buffer[start + ACK_ID_AT] !== S) {
      const seq = readDigits(buffer, buffer.indexOf(SEQ, start) + SEQ.length)
      apply(seq)
      events.acked(readDigits(buffer, start + ACK_ID_AT), seq)
    } else {
      other(JSON.parse(buffer.toString('utf8', start, end)))
    }
  }

  function other(frame: RareFrame): void {
    if (frame.type === 'hello') {
      // Whoever has nothing yet names nothing, and is told where the chat stands.
      const chats = applied === 0 ? {} : { [chatId]: applied }
      socket?.send(JSON.stringify({ type: 'sync', id: SYNC, data: { chats } }))
    } else if (frame.type === 'sync:batch' && frame.data) {
      const missed = (frame.data.messages ?? []).filter(({ seq }) => seq > applied)
      for (const { content, seq } of missed) {
        const index = indexOfContent(content)
        if (index !== undefined) events.delivered(index, seq)
      }
      catchUp(frame.data.to ?? 0)
    } else if (frame.type === 'sync:reset' && applied === 0) {
      catchUp(frame.data?.head ?? 0)
    } else if (frame.type === 'sync:reset') {
      events.failed(-1, 'reset: more was missed than a load client can catch up on')
      socket?.destroy()
    } else if (frame.type === 'ack' && frame.id === SYNC) {
      catchUp(frame.data?.chats?.[chatId] ?? 0)
      events.ready()
    } else if (frame.type === 'error') {
      events.failed(Number(frame.id ?? -1), frame.error?.message ?? 'refused')
    } else if (frame.seq !== undefined) {
      apply(frame.seq)
    }
  }

  function catchUp(to: number): void {
    applied = Math.max(applied, to)
    for (const seq of held.keys()) if (seq <= applied) held.delete(seq)
    for (; held.has(applied + 1); applied++) {
      const index = held.get(applied + 1)
      if (index !== undefined) events.delivered(index, applied + 1)
      held.delete(applied + 1)
    }
  }

  return {
    connect(port) {
      const headers = { 'Sec-WebSocket-Protocol': `parley.v1, parley.lines, bearer.${token}` }
      socket = openSocket({ port, path: '/ws', headers }, { text, opened: () => {}, closed: events.closed })
    },
    send(index, content) {
      const data = `{"chatId":"${chatId}","id":"${toMessageId(index)}","content":"${content}"}`
      socket?.send(`{"type":"message:send","id":"${index}","data":${data}}`)
    },
    disconnect: () => socket?.destroy(),
  }
}

/** The frames that are not worth reading by hand. */
interface RareFrame {
  readonly type: string
  readonly id?: string | null
  readonly seq?: number
  readonly data?: {
    readonly to?: number
    readonly head?: number
    readonly chats?: Readonly<Record<string, number>>
    readonly messages?: readonly { readonly seq: number; readonly content: string }[]
  }
  readonly error?: { readonly message: string }
}

function toIdHead(now: number): string {
  const time = now.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-`
}

/** toMessageId is the id that a load client gives to its message. */
export function toMessageId(index: number): string {
  return ID_HEAD + index.toString(16).padStart(12, '0')
}
