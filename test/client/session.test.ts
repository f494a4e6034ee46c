import { beforeEach, describe, expect, test } from 'vitest'
import { ParleyError } from '../../src/client/error.ts'
import { createRest } from '../../src/client/rest.ts'
import { createMemorySession, createTokens, type Session, type Tokens } from '../../src/client/session.ts'
import { AT } from '../support/builders.ts'
import { createTestTokens, settled } from './fake-edges.ts'
import { userOf } from './served-chat.ts'

const SESSION: Session = {
  user: { ...userOf(1), createdAt: AT },
  accessToken: 'access-1',
  refreshToken: 'refresh-1',
}

describe('tokens', () => {
  let refreshes: (string | null)[]
  let refresh: () => Promise<Pick<Session, 'accessToken' | 'refreshToken'>>
  let storage: ReturnType<typeof createMemorySession>
  let told: (Session | null)[]
  let tokens: Tokens

  beforeEach(() => {
    refreshes = []
    told = []
    storage = createMemorySession()
    refresh = async () => ({
      accessToken: `access-${refreshes.length + 1}`,
      refreshToken: `refresh-${refreshes.length + 1}`,
    })
    tokens = create()
  })

  function create(): Tokens {
    const endpoints = {
      refresh(token: string | null) {
        refreshes.push(token)
        return refresh()
      },
      logout: async () => {},
    }
    return createTokens(endpoints, storage, (session) => told.push(session))
  }

  test('are refreshed once for all who find them refused at the same time', async () => {
    await tokens.begin(SESSION)
    const renewed = await Promise.all([tokens.renew('access-1'), tokens.renew('access-1')])
    expect(renewed).toEqual(['access-2', 'access-2'])
    expect(await tokens.renew('access-1')).toBe('access-2')
    expect(refreshes).toEqual(['refresh-1'])
  })

  test('are taken from the storage when another tab has refreshed them', async () => {
    await tokens.begin(SESSION)
    await storage.save({ ...SESSION, accessToken: 'of-the-other-tab', refreshToken: 'refresh-9' })
    expect(await tokens.renew('access-1')).toBe('of-the-other-tab')
    expect(refreshes).toEqual([])
  })

  test('survive a restart', async () => {
    await tokens.begin(SESSION)
    const after = create()
    expect(await after.get()).toBe('access-1')
  })

  test('end with the session when the server refuses to refresh', async () => {
    await tokens.begin(SESSION)
    refresh = () => Promise.reject(new ParleyError('UNAUTHORIZED', 'used before'))
    await expect(tokens.renew('access-1')).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    expect([told.at(-1), await storage.load()]).toEqual([null, null])
    await expect(tokens.get()).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  test('stay when the server cannot be reached', async () => {
    await tokens.begin(SESSION)
    refresh = () => Promise.reject(new TypeError('fetch failed'))
    await expect(tokens.renew('access-1')).rejects.toMatchObject({ code: 'UNKNOWN', retryable: true })
    expect(await tokens.get()).toBe('access-1')
  })

  test('do not come back when the user logs out while they are refreshed', async () => {
    await tokens.begin(SESSION)
    let answer = () => {}
    refresh = () =>
      new Promise((resolve) => {
        answer = () => resolve({ accessToken: 'late', refreshToken: 'late' })
      })
    const renewed = expect(tokens.renew('access-1')).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    await settled()
    await tokens.end()
    answer()
    await renewed
    expect(tokens.session).toBeNull()
  })
})

describe('a REST request', () => {
  let asked: { url: string; token: string | null }[]
  let answers: (() => Response | Promise<Response>)[]

  beforeEach(() => {
    asked = []
    answers = []
  })

  function create() {
    const fetchIt: typeof fetch = async (input, init) => {
      asked.push({ url: String(input), token: new Headers(init?.headers).get('Authorization') })
      return (answers.shift() ?? (() => Response.json({ user: userOf(1) })))()
    }
    return createRest({ url: 'https://chat.example', fetch: fetchIt, tokens: createTestTokens() }).api.users
  }

  const refusal =
    (status: number, code: string, headers: Record<string, string> = {}) =>
    () =>
      Response.json(
        { error: { code, message: 'no', details: [], timestamp: AT, requestId: 'r' } },
        { status, headers },
      )

  test('says who asks', async () => {
    await create().me.$get()
    expect(asked).toEqual([{ url: 'https://chat.example/api/users/me', token: 'Bearer token-1' }])
  })

  test('is asked again once with a fresh token when its own is refused', async () => {
    answers.push(refusal(401, 'UNAUTHORIZED'))
    await create().me.$get()
    expect(asked.map(({ token }) => token)).toEqual(['Bearer token-1', 'Bearer token-2'])
  })

  test('is not asked for ever', async () => {
    answers.push(refusal(401, 'UNAUTHORIZED'), refusal(401, 'UNAUTHORIZED'))
    await expect(create().me.$get()).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    expect(asked).toHaveLength(2)
  })

  test('rejects with what the service says, and when to come back', async () => {
    answers.push(refusal(429, 'RATE_LIMIT_EXCEEDED', { 'Retry-After': '7' }))
    await expect(create().me.$get()).rejects.toMatchObject({
      ...{ code: 'RATE_LIMIT_EXCEEDED', retryable: true, retryAfter: 7, requestId: 'r' },
    })
  })

  test("takes a proxy's page for the service being away", async () => {
    answers.push(() => new Response('<html>Bad gateway</html>', { status: 502 }))
    await expect(create().me.$get()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryable: true })
  })

  test('has an unknown outcome when nothing comes back', async () => {
    answers.push(() => Promise.reject(new TypeError('fetch failed')))
    await expect(create().me.$get()).rejects.toMatchObject({ code: 'UNKNOWN', retryable: true })
  })
})
