import type { ErrorBody, ErrorCode } from '../protocol/errors.ts'
import type { Me, Message } from '../protocol/model.ts'
import { Broken } from './claims.ts'
import { RawSocket, type SocketOptions } from './raw-socket.ts'
import type { Done, Rest, RestRequest } from './rest.ts'
import type { AnswerOf, RouteName } from './routes.ts'

/** Access tokens are renewed after this, before they end. */
const TOKEN_AGE = 600_000
const UPGRADE_TRIES = 3

/** The subprotocols by which a browser authenticates. */
export function subprotocols(token: string): string[] {
  return ['parley.v1', `bearer.${token}`]
}

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** Person is an account that the suite may use, with its way to REST and the socket. */
export class Person {
  readonly me: Me
  readonly credentials: Credentials
  readonly rest: Rest
  refreshToken: string
  #accessToken: string
  #issuedAt: number
  readonly #onSocket: (socket: RawSocket) => void

  constructor(
    rest: Rest,
    credentials: Credentials,
    { user, accessToken, refreshToken }: AnswerOf<'POST /api/auth/login'>,
    onSocket: (socket: RawSocket) => void,
  ) {
    this.rest = rest
    this.credentials = credentials
    this.me = user
    this.#accessToken = accessToken
    this.refreshToken = refreshToken ?? ''
    this.#issuedAt = Date.now()
    this.#onSocket = onSocket
  }

  get id(): string {
    return this.me.id
  }

  /** A token that is good for some minutes at least. */
  async token(): Promise<string> {
    if (Date.now() - this.#issuedAt > TOKEN_AGE) {
      const { data } = await this.logIn()
      this.#accessToken = data.accessToken
      this.refreshToken = data.refreshToken ?? ''
      this.#issuedAt = Date.now()
    }
    return this.#accessToken
  }

  /** Another login of the same account. */
  logIn(): Promise<Done<'POST /api/auth/login'>> {
    return this.rest.call('POST /api/auth/login', { body: this.credentials })
  }

  /** A request that must succeed, by its answer's data. */
  async call<R extends RouteName>(route: R, request: RestRequest = {}): Promise<AnswerOf<R>> {
    return (await this.answer(route, request)).data
  }

  async answer<R extends RouteName>(route: R, request: RestRequest = {}): Promise<Done<R>> {
    return this.rest.call(route, { token: await this.token(), ...request })
  }

  async refused(
    route: RouteName,
    request: RestRequest,
    expected: { readonly code: ErrorCode; readonly field?: string },
  ): Promise<ErrorBody> {
    return this.rest.refused(route, { token: await this.token(), ...request }, expected)
  }

  /** A socket that has said hello. An upgrade may be refused by a rate limit, which only an answer of REST tells. */
  async connect(options?: SocketOptions): Promise<RawSocket> {
    for (let tries = 1; ; tries += 1) {
      const socket = this.open(options ?? { protocols: subprotocols(await this.token()) })
      await socket.answered
      if (socket.wasOpen || tries === UPGRADE_TRIES) {
        await socket.hello()
        return socket
      }
      await this.call('GET /api/users/me')
    }
  }

  /** A socket on its way. */
  open(options: SocketOptions, query = ''): RawSocket {
    const socket = new RawSocket(this.rest.socketUrl + query, options)
    this.#onSocket(socket)
    return socket
  }

  /** Every message of a chat, oldest first. */
  async history(chatId: string): Promise<Message[]> {
    const messages: Message[] = []
    let cursor: string | null = null
    do {
      const query: Record<string, string | number> = { limit: 100, ...(cursor !== null && { cursor }) }
      const page: AnswerOf<'GET /api/chats/:id/messages'> = await this.call('GET /api/chats/:id/messages', {
        params: { id: chatId },
        query,
      })
      messages.push(...page.data.map(({ senderUsername: _, ...message }) => message))
      cursor = page.nextCursor
      if (page.hasMore && cursor === null) throw new Broken('A page has more, but names no next cursor')
    } while (cursor !== null)
    return messages.reverse()
  }
}
