import { hc } from 'hono/client'
import type { AppType } from '../app.ts'
import type { ErrorBody } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Chat } from '../protocol/model.ts'
import { ParleyError, toParleyError } from './error.ts'
import type { ChatReader, TokenSource } from './ports.ts'

/** A server that does not answer a request within this is given up: the outcome is unknown. */
const ANSWER_WITHIN = 30_000

/** Rest is every route of the service, typed. A route's promise rejects with a `ParleyError` where it fails. */
export type Rest = ReturnType<typeof hc<AppType>>

export interface RestOptions {
  readonly url: string
  readonly fetch: typeof fetch
  /** Without tokens only what needs no login can be asked. */
  readonly tokens?: TokenSource
  /** The refresh token is in a cookie, which goes along to another origin too. */
  readonly useCookie?: boolean
}

/** createRest names the user on every request, renews a token that is refused once, and makes errors of refusals. */
export function createRest(options: RestOptions): Rest {
  const { url, tokens } = options

  const send = async (input: Parameters<typeof fetch>[0], init: RequestInit = {}): Promise<Response> => {
    const token = await tokens?.get()
    let response = await ask(options, input, withToken(init, token))
    if (response.status === 401 && tokens && token !== undefined) {
      response = await ask(options, input, withToken(init, await tokens.renew(token)))
    }
    if (!response.ok) throw await refusalOf(response)
    return response
  }

  return hc<AppType>(url, { fetch: send })
}

async function ask(
  { fetch, useCookie }: RestOptions,
  input: Parameters<typeof fetch>[0],
  init: RequestInit,
): Promise<Response> {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN)
    return await fetch(input, { ...init, signal, ...(useCookie && { credentials: 'include' }) })
  } catch (error) {
    throw toParleyError(error)
  }
}

function withToken(init: RequestInit, token: string | undefined): RequestInit {
  if (token === undefined) return init
  const headers = new Headers(init.headers)
  headers.set('Authorization', `Bearer ${token}`)
  return { ...init, headers }
}

/** What is no error of the service's own (a proxy's page) counts as the service being away. */
async function refusalOf(response: Response): Promise<ParleyError> {
  const seconds = Number(response.headers.get('Retry-After'))
  const retryAfter = seconds > 0 ? seconds : null
  try {
    const { error } = (await response.json()) as { error: ErrorBody }
    return ParleyError.of(error, retryAfter)
  } catch (cause) {
    const message = `The service answered ${response.status}`
    return new ParleyError('SERVICE_UNAVAILABLE', message, { retryAfter, cause })
  }
}

/** createReader reads chats over REST. */
export function createReader({ api }: Rest): ChatReader {
  const chat = api.chats[':id']
  return {
    async listChats() {
      const chats: Chat[] = []
      let cursor: string | null = null
      do {
        const answer = await api.chats.$get({ query: { limit: LIMITS.pageMost, ...(cursor && { cursor }) } })
        const page = await answer.json()
        chats.push(...page.data)
        cursor = page.nextCursor
      } while (cursor)
      return chats
    },
    async getChat(id) {
      return (await (await chat.$get({ param: { id } })).json()).chat
    },
    async getChanges(id, since) {
      return (await chat.changes.$get({ param: { id }, query: { since: String(since) } })).json()
    },
    async listMessages(id, before) {
      const answer = await chat.messages.$get({ param: { id }, query: { before: String(before) } })
      const { data, hasMore } = await answer.json()
      return { data: data.map(({ senderUsername: _, ...message }) => message), hasMore }
    },
  }
}
