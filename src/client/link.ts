import { CLOSES } from '../protocol/codes.ts'
import type { Hello, ServerFrame } from '../protocol/frames.ts'
import { TIMES } from '../protocol/limits.ts'
import { PING, PING_SINCE } from '../protocol/version.ts'
import { backoff } from './backoff.ts'
import { toParleyError } from './error.ts'
import type { Edges, OpenSocket, TokenSource } from './ports.ts'
import { createReplies, type Replies } from './replies.ts'

/** From the opening of the socket to hello. */
const HELLO_WITHIN = 15_000
/** The token is renewed this long before it ends, or at half of its time when that is later. */
const RENEW_BEFORE = 60_000
/** Timers of browsers and Node count in 31 bits; a token that lives longer is renewed once a day. */
const RENEW_WITHIN = 86_400_000

/** What the server says unasked. */
export type PushedFrame = Exclude<ServerFrame, { type: 'hello' | 'ack' | 'error' | 'bye' }>

export interface LinkEnd {
  /** The socket's close code; the one of `silent` when nothing was heard any more. */
  readonly code: number
  /** Seconds, from the server's bye. */
  readonly retryAfter: number | null
  /** The token that the link had last, and until when it is good, by the clock of this device. */
  readonly token: string
  readonly tokenEndsAt: number
}

export interface LinkEvents {
  greeted(hello: Hello['data']): void
  pushed(frame: PushedFrame): void
  /** Once, at the end, unless the client closed the link itself. */
  ended(end: LinkEnd): void
}

export interface LinkPorts extends Edges {
  readonly openSocket: OpenSocket
  readonly tokens: TokenSource
}

/** Link is one socket, from its opening to its end. Commands that wait when it ends are rejected as `UNKNOWN`. */
export interface Link extends Pick<Replies, 'ask' | 'tell'> {
  close(): void
}

/** openLink opens a socket, notices when it falls silent, and keeps its token fresh. */
export function openLink(firstToken: string, ports: LinkPorts, events: LinkEvents): Link {
  const { clock, random, tokens } = ports
  const replies = createReplies(clock, (text) => socket.send(text))
  let token = firstToken
  let tokenEndsAt = Number.POSITIVE_INFINITY
  let isOver = false
  let retryAfter: number | null = null
  let knowsPing = false
  let heardAt = clock.now()
  let cancelBeat = clock.after(HELLO_WITHIN, () => end(CLOSES.silent.code))
  let cancelRenewal = () => {}
  const socket = ports.openSocket(token, { received, closed: end })

  function received(text: string): void {
    if (isOver) return
    heardAt = clock.now()
    const frame = parse(text)
    if (!frame) return
    switch (frame.type) {
      case 'hello':
        start(frame.data)
        break
      case 'ack':
      case 'error':
        replies.settle(frame)
        break
      case 'bye':
        retryAfter = frame.data.retryAfter
        break
      default:
        events.pushed(frame)
    }
  }

  function start(hello: Hello['data']): void {
    const serverTime = Date.parse(hello.serverTime)
    const skew = serverTime - clock.now()
    knowsPing = hello.protocolVersion >= PING_SINCE
    cancelBeat()
    cancelBeat = clock.after(hello.heartbeatMs, () => beat(hello.heartbeatMs))
    renewBefore(Date.parse(hello.expiresAt) - serverTime, skew)
    events.greeted(hello)
  }

  function beat(interval: number): void {
    const quiet = clock.now() - heardAt
    if (quiet >= TIMES.silence) {
      end(CLOSES.silent.code)
      return
    }
    if (quiet >= interval && knowsPing) socket.send(PING)
    else if (quiet >= interval) replies.tell('ping', {})
    cancelBeat = clock.after(Math.min(interval, TIMES.silence - quiet), () => beat(interval))
  }

  /** `life` is what is left of the token by the server's clock, so that a wrong one here does no harm. */
  function renewBefore(life: number, skew: number): void {
    tokenEndsAt = clock.now() + life
    const wait = Math.min(Math.max(life - RENEW_BEFORE, life / 2), RENEW_WITHIN)
    cancelRenewal = clock.after(Math.max(wait, 0), () => void renew(skew))
  }

  async function renew(skew: number): Promise<void> {
    try {
      token = await tokens.renew(token)
      const { expiresAt } = await replies.ask('auth', { token })
      if (!isOver) renewBefore(Date.parse(expiresAt) - skew - clock.now(), skew)
    } catch (error) {
      // when it cannot be renewed at all, the server ends the connection with the token
      if (isOver || !toParleyError(error).retryable) return
      cancelRenewal = clock.after(backoff(1, random), () => void renew(skew))
    }
  }

  function end(code: number): void {
    if (isOver) return
    close()
    events.ended({ code, retryAfter, token, tokenEndsAt })
  }

  function close(): void {
    isOver = true
    cancelBeat()
    cancelRenewal()
    socket.close()
    replies.fail()
  }

  return { ask: replies.ask, tell: replies.tell, close }
}

/** What is no frame says that somebody is there; a frame that cannot be read is dropped, and shows as a hole. */
function parse(text: string): ServerFrame | undefined {
  try {
    return JSON.parse(text) as ServerFrame
  } catch {
    return undefined
  }
}
