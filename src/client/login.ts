import type { Me } from '../protocol/model.ts'
import { toParleyError } from './error.ts'
import type { Rest } from './rest.ts'
import {
  createTokens,
  type Session,
  type SessionStorage,
  type TokenEndpoints,
  type Tokens,
} from './session.ts'

export interface LoginSettings {
  readonly useCookie: boolean
  readonly storage: SessionStorage
  readonly changed: (session: Session | null) => void
}

/** Login begins and ends sessions of local accounts. */
export interface Login {
  readonly tokens: Tokens
  register(account: { username: string; password: string; displayName?: string }): Promise<Me>
  login(username: string, password: string): Promise<Me>
  resume(): Promise<Me | null>
}

/** createLogin takes REST without tokens: these are the routes that give them. */
export function createLogin(rest: Rest, { useCookie, storage, changed }: LoginSettings): Login {
  const { auth, users } = rest.api
  const query = useCookie ? { cookie: '1' as const } : {}
  const endpoints: TokenEndpoints = {
    async refresh(refreshToken) {
      const json = refreshToken === null ? {} : { refreshToken }
      return (await auth.refresh.$post({ query, json })).json()
    },
    async logout({ accessToken, refreshToken }) {
      const json = refreshToken === null ? {} : { refreshToken }
      await auth.logout.$post({ json }, { headers: { Authorization: `Bearer ${accessToken}` } })
    },
  }
  const tokens = createTokens(endpoints, storage, changed)

  async function begin(session: Session): Promise<Me> {
    await tokens.begin(session)
    return session.user
  }

  /** The cookie outlives a page and the access token does not. */
  async function resumeByCookie(): Promise<Me | null> {
    try {
      const pair = await endpoints.refresh(null)
      const headers = { Authorization: `Bearer ${pair.accessToken}` }
      const { user } = await (await users.me.$get({}, { headers })).json()
      return begin({ ...pair, user })
    } catch (thrown) {
      const error = toParleyError(thrown)
      if (error.code === 'UNAUTHORIZED') return null
      throw error
    }
  }

  return {
    tokens,
    async register(account) {
      const json = { ...account, passwordConfirm: account.password }
      return begin(await (await auth.register.$post({ query, json })).json())
    },
    async login(username, password) {
      return begin(await (await auth.login.$post({ query, json: { username, password } })).json())
    },
    async resume() {
      const session = await tokens.restore()
      if (session) return session.user
      return useCookie ? resumeByCookie() : null
    },
  }
}
