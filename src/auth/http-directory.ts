import { z } from 'zod'
import { createBatch } from '../db/batch.ts'
import { createBreaker } from '../db/breaker.ts'
import { steadyClock } from '../db/steady-clock.ts'
import { fetchJson } from './fetch-json.ts'
import type { UserDirectory, Wanted } from './ports.ts'

/** Users of one request, and requests under way at once. */
const MOST = 100
const AT_ONCE = 2

const Answer = z.object({
  users: z.array(z.object({ displayName: z.string(), avatarUrl: z.string().nullish() }).nullable()),
})

export interface HttpDirectoryOptions {
  readonly url: string
  readonly token: string
  /** Whether those who ask at once may share a request; false where one may not wait for what another has begun. */
  readonly isShared: boolean
}

/**
 * createHttpDirectory asks an endpoint: `{users: [{issuer, subject, type}]}` is answered with
 * `{users: [{displayName, avatarUrl} or null]}`, in the same order.
 */
export function createHttpDirectory({ url, token, isShared }: HttpDirectoryOptions): UserDirectory {
  async function read(wanted: readonly Wanted[]) {
    const answer = await fetchJson(url, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ users: wanted }),
    })
    const { users } = Answer.parse(answer)
    if (users.length !== wanted.length) {
      throw new Error(`${url} answered ${users.length} users instead of ${wanted.length}`)
    }
    return users.map((user) => (user ? { name: user.displayName, picture: user.avatarUrl } : undefined))
  }

  const breaker = createBreaker(steadyClock, () => false)
  const find = isShared
    ? createBatch(read, { atOnce: AT_ONCE, most: MOST })
    : async (wanted: Wanted) => (await read([wanted]))[0]
  return { find: ({ issuer, subject, type }) => breaker.run(() => find({ issuer, subject, type })) }
}
