import { z } from 'zod'
import { ERRORS, ErrorBody, type ErrorCode } from '../protocol/errors.ts'
import { Broken, claim, Skipped, shorten } from './claims.ts'
import { checkRefusal } from './raw-socket.ts'
import { type AnswerOf, ROUTES, type RouteName } from './routes.ts'
import { until } from './until.ts'

/** How long a request may wait, in all, for a rate limit to let it through. */
const LIMIT_PATIENCE = 180_000
const REQUEST_PATIENCE = 30_000
/** How often a deployment that says that it is away is asked in all. */
const TRIES = 3
/** How long a service may take to get ready. */
const READY_PATIENCE = 60_000
const ErrorEnvelope = z.strictObject({ error: ErrorBody })

export interface RestRequest {
  /** For the `:names` in the path. */
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | number>>
  readonly body?: unknown
  /** A form with files. */
  readonly form?: FormData
  /** A body that goes as it is. */
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly token?: string | undefined
  /** Answers 429 instead of waiting for the limit to pass. */
  readonly isImpatient?: boolean
}

/** RestAnswer is what came back, whole. */
export interface RestAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** null where there is no body; undefined where it is not JSON. */
  readonly json: unknown
}

export interface Done<R extends RouteName> {
  readonly status: number
  readonly headers: Headers
  readonly data: AnswerOf<R>
}

/** Rest speaks to the REST side of a deployment, and holds every answer against the contract. */
export class Rest {
  readonly url: string
  /** Called after each pause that an answer asked for. */
  onPaused: () => Promise<void> = async () => {}

  constructor(url: string) {
    this.url = url.replace(/\/+$/, '')
  }

  get socketUrl(): string {
    return `${this.url.replace(/^http/, 'ws')}/ws`
  }

  /** Resolves when the service says that it is ready. */
  async untilReady(): Promise<void> {
    const ask = () => this.#once('GET /health/ready', {})
    const answer = until(ask, ({ status }) => status === 200, READY_PATIENCE)
    const { status, text } = await answer.catch((error: unknown) => {
      throw new Broken(`Nothing answers at ${this.url}: ${describe(error)}`)
    })
    claim(status === 200, `${this.url} does not get ready: ${shorten(text)}`)
  }

  /**
   * Any request at all: `GET /whatever`. Waits where a rate limit says to, and as every client should asks again what a
   * deployment that is away for a moment says to try again, a few times.
   */
  async send(route: string, request: RestRequest = {}): Promise<RestAnswer> {
    const begun = Date.now()
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#once(route, request)
      const pause = Number(answer.headers.get('Retry-After') ?? 0) * 1_000
      if (pause === 0 || request.isImpatient) return answer
      const isAway = answer.status === 503 && tries < TRIES
      if (answer.status !== 429 && !isAway) return answer
      if (!isAway && Date.now() - begun + pause > LIMIT_PATIENCE) {
        throw new Skipped(`The rate limits of this deployment let no ${route} through for ${pause / 1_000} s`)
      }
      await new Promise((resolve) => setTimeout(resolve, pause))
      await this.onPaused()
    }
  }

  /** A request that must succeed. */
  async call<R extends RouteName>(route: R, request: RestRequest = {}): Promise<Done<R>> {
    const { status, headers, json, text } = await this.send(route, request)
    if (status < 200 || status > 299) throw new Broken(`${route} answered ${status}: ${shorten(text)}`)
    const parsed = ROUTES[route].safeParse(json)
    if (!parsed.success) {
      throw new Broken(`${route} answered what is not of its schema: ${z.prettifyError(parsed.error)}`)
    }
    return { status, headers, data: parsed.data as AnswerOf<R> }
  }

  /** A request that must be refused with this code, its status and a whole error body. */
  async refused(
    route: string,
    request: RestRequest,
    expected: { readonly code: ErrorCode; readonly field?: string },
  ): Promise<ErrorBody> {
    const answer = await this.send(route, request)
    const what = `${route} with ${shorten(request.text ?? JSON.stringify(request.body ?? {}))}`
    const error = errorOf(answer, what)
    checkRefusal(error, expected, what)
    return error
  }

  async #once(route: string, request: RestRequest): Promise<RestAnswer> {
    const [method = 'GET', path = '/'] = route.split(' ')
    const { token, query = {}, params = {} } = request
    const url = new URL(
      this.url + path.replace(/:(\w+)/g, (_, name) => encodeURIComponent(params[name] ?? '')),
    )
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
    const body =
      request.form ?? request.text ?? (request.body === undefined ? undefined : JSON.stringify(request.body))
    const response = await fetch(url, {
      method,
      headers: {
        ...(typeof body === 'string' && { 'Content-Type': 'application/json' }),
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...request.headers,
      },
      body: body ?? null,
      redirect: 'manual',
      signal: AbortSignal.timeout(REQUEST_PATIENCE),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parseJson(text) }
  }
}

/** errorOf fails the rule unless the answer is an error as the contract has it. */
export function errorOf({ status, json, text }: RestAnswer, what: string): ErrorBody {
  const parsed = ErrorEnvelope.safeParse(json)
  claim(parsed.success, `${what} answered ${status} without an error body: ${shorten(text)}`)
  const { error } = parsed.data
  claim(ERRORS[error.code].status === status, `${what} answered ${error.code} with status ${status}`)
  return error
}

function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}

function parseJson(text: string): unknown {
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
