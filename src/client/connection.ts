import { CLOSES, type CloseReason } from '../protocol/codes.ts'
import type { Hello } from '../protocol/frames.ts'
import { pauseAfter } from './backoff.ts'
import { ParleyError, toParleyError } from './error.ts'
import { type Link, type LinkEnd, type LinkPorts, openLink, type PushedFrame } from './link.ts'
import type { Ask, Replies } from './replies.ts'

/**
 * A refused upgrade looks like a dead server to a browser. After this many sockets in a row that ended before hello,
 * the token is renewed before the next.
 */
const FRESH_TOKEN_AFTER = 3

/** Status is how the client stands with the server. Only `stopped` needs the user: it does not come back by itself. */
export type Status =
  | { readonly state: 'offline' }
  | { readonly state: 'connecting' }
  | { readonly state: 'catching-up' }
  | { readonly state: 'live' }
  /** `milliseconds` from now on. */
  | { readonly state: 'waiting'; readonly milliseconds: number }
  | { readonly state: 'stopped'; readonly reason: CloseReason }

export interface ConnectionEvents {
  /** A link is up. When this resolves, the connection is live; when it rejects, the link is given up. */
  catchUp(hello: Hello['data']): Promise<void>
  pushed(frame: PushedFrame): void
  changed(status: Status): void
}

/** Connection keeps a link to the server up, for ever, until told otherwise or refused for good. */
export interface Connection {
  readonly status: Status
  readonly ask: Ask
  readonly tell: Replies['tell']
  /** Connects, or tries again at once. */
  connect(): void
  disconnect(): void
}

export function createConnection(ports: LinkPorts, events: ConnectionEvents): Connection {
  const { clock, random, tokens } = ports
  let status: Status = { state: 'offline' }
  let link: Link | undefined
  /** Changes whenever what was begun before is of no interest any more. */
  let attempt = 0
  let cancelWait = () => {}
  let token: string | undefined
  let tokenEndsAt = Number.POSITIVE_INFINITY
  let isTokenDoubtful = false
  let isGreeted = false
  /** In a row: tries that did not get live, sockets without hello, closes for want of a good token. */
  let failures = 0
  let unanswered = 0
  let refusals = 0

  function set(next: Status): void {
    status = next
    events.changed(next)
  }

  async function open(): Promise<void> {
    abandon()
    const current = attempt
    set({ state: 'connecting' })
    const isOld = isTokenDoubtful || clock.now() >= tokenEndsAt
    try {
      token = isOld && token !== undefined ? await tokens.renew(token) : await tokens.get()
    } catch (thrown) {
      const error = toParleyError(thrown)
      if (current !== attempt) return
      return error.retryable ? retry(error) : stop('notAuthenticated')
    }
    if (current !== attempt) return
    tokenEndsAt = Number.POSITIVE_INFINITY
    isTokenDoubtful = false
    isGreeted = false
    link = openLink(token, ports, {
      greeted: (hello) => void greet(hello, current),
      pushed: events.pushed,
      ended: (end) => ended(end, current),
    })
  }

  async function greet(hello: Hello['data'], current: number): Promise<void> {
    isGreeted = true
    unanswered = 0
    set({ state: 'catching-up' })
    try {
      await events.catchUp(hello)
    } catch (error) {
      if (current === attempt) retry(toParleyError(error))
      return
    }
    if (current !== attempt) return
    failures = 0
    refusals = 0
    set({ state: 'live' })
  }

  function ended({ code, retryAfter, ...used }: LinkEnd, current: number): void {
    if (current !== attempt) return
    token = used.token
    tokenEndsAt = used.tokenEndsAt
    const reason = reasonOf(code)
    if (!isGreeted) unanswered += 1
    if (!isGreeted && unanswered % FRESH_TOKEN_AFTER === 0) isTokenDoubtful = true
    if (reason === 'notAuthenticated' && refusals === 0) {
      refusals += 1
      isTokenDoubtful = true
      retry({ retryAfter })
    } else if (reason && !CLOSES[reason].reconnect) stop(reason)
    else retry({ retryAfter })
  }

  function retry(after: { readonly retryAfter: number | null }): void {
    abandon()
    failures += 1
    const milliseconds = pauseAfter(after, failures, random)
    cancelWait = clock.after(milliseconds, () => void open())
    set({ state: 'waiting', milliseconds })
  }

  function stop(reason: CloseReason): void {
    abandon()
    set({ state: 'stopped', reason })
  }

  function abandon(): void {
    attempt += 1
    cancelWait()
    link?.close()
    link = undefined
  }

  return {
    get status() {
      return status
    },
    ask: (type, data) =>
      link?.ask(type, data) ??
      Promise.reject(new ParleyError('OFFLINE', 'There is no connection: nothing was sent')),
    tell: (type, data) => link?.tell(type, data),
    connect() {
      if (status.state === 'stopped') {
        failures = 0
        refusals = 0
      }
      if (['offline', 'waiting', 'stopped'].includes(status.state)) void open()
    },
    disconnect() {
      abandon()
      if (status.state !== 'offline') set({ state: 'offline' })
    },
  }
}

function reasonOf(code: number): CloseReason | undefined {
  const known = Object.entries(CLOSES) as [CloseReason, (typeof CLOSES)[CloseReason]][]
  return known.find(([, close]) => close.code === code)?.[0]
}
