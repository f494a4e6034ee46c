import { createIndexReader, indexOfContent, readDigits } from './frame-text.ts'
import type { LoadClient, LoadClientEvents, LoadUser } from './load-client.ts'
import { type LoadSocket, openSocket } from './socket.ts'

// Engine.IO packets begin with a digit; Socket.IO packets follow in a message (4): `40` connect, `42` event, `43` ack.
const [PING, MESSAGE] = Buffer.from('24')
const [CONNECTED, EVENT, ACK] = Buffer.from('023')
const [M] = Buffer.from('m')
const EVENT_NAME_AT = '42["'.length
const CREATED_AT = Buffer.from('"createdAt":"')
const TIME_LENGTH = '2026-01-01T00:00:00.000Z'.length
const OK = Buffer.from('[{"ok":true')
/** Ack ids of messages are their index; this one is none. */
const SYNC_ID = 99_999_999
const BEGINNING = '2000-01-01T00:00:00.000Z'

const readIndex = createIndexReader()

/** createClassicClient speaks Socket.IO 4 over WebSocket, as far as the comparison server needs it. */
export function createClassicClient({ token, chatId }: LoadUser, events: LoadClientEvents): LoadClient {
  let socket: LoadSocket | undefined
  let hasConnected = false
  let newest = BEGINNING
  const known = new Set<number>()

  function text(buffer: Buffer, start: number, end: number): void {
    const packet = buffer[start + 1]
    if (buffer[start] === PING) socket?.send('3')
    else if (buffer[start] !== MESSAGE) return
    else if (packet === EVENT) event(buffer, start, end)
    else if (packet === ACK) reply(buffer, start, end)
    else if (packet !== CONNECTED) {
      events.failed(-1, buffer.toString('latin1', start, end))
      socket?.destroy()
    }
  }

  function event(buffer: Buffer, start: number, end: number): void {
    if (buffer[start + EVENT_NAME_AT] === M) {
      const index = readIndex(buffer, start, end)
      note(index, timeAt(buffer, start))
      events.delivered(index, 0)
    } else if (buffer.toString('latin1', start, end).startsWith('42["connected"')) {
      if (hasConnected) catchUp()
      else events.ready()
      hasConnected = true
    }
  }

  function reply(buffer: Buffer, start: number, end: number): void {
    const id = readDigits(buffer, start + 2)
    if (id === SYNC_ID) {
      missed(JSON.parse(buffer.toString('utf8', buffer.indexOf('[', start), end))[0].messages)
      return
    }
    const at = buffer.indexOf(OK, start)
    if (at === -1 || at >= end) {
      events.failed(id, buffer.toString('latin1', start, end))
      return
    }
    const createdAt = timeAt(buffer, start)
    note(id, createdAt)
    events.acked(id, Date.parse(createdAt))
  }

  function note(index: number, createdAt: string): void {
    known.add(index)
    if (createdAt > newest) newest = createdAt
  }

  /** Times are not exact enough to tell what was missed: what came before is dropped here. */
  function missed(messages: readonly { content: string; createdAt: string }[]): void {
    for (const { content, createdAt } of messages) {
      const index = indexOfContent(content)
      if (index === undefined || known.has(index)) continue
      note(index, createdAt)
      events.delivered(index, 0)
    }
    events.ready()
  }

  function catchUp(): void {
    socket?.send(`42${SYNC_ID}["sync",{"since":{"${chatId}":"${newest}"}}]`)
  }

  return {
    connect(port) {
      const opened = () => socket?.send(`40{"token":"${token}"}`)
      const address = { port, path: '/socket.io/?EIO=4&transport=websocket', headers: {} }
      socket = openSocket(address, { text, opened, closed: events.closed })
    },
    send(index, content) {
      socket?.send(`42${index}["message:send",{"chatId":"${chatId}","content":"${content}"}]`)
    },
    disconnect: () => socket?.destroy(),
  }
}

function timeAt(buffer: Buffer, start: number): string {
  const at = buffer.indexOf(CREATED_AT, start) + CREATED_AT.length
  return buffer.toString('latin1', at, at + TIME_LENGTH)
}
