import { z } from 'zod'
import { createBatch } from '../db/batch.ts'
import { createBreaker } from '../db/breaker.ts'
import { steadyClock } from '../db/steady-clock.ts'
import type { PushTokens } from '../workers/ports.ts'
import { fetchJson } from './fetch-json.ts'
import type { UserDirectory, Wanted } from './ports.ts'

/** Users of one request, and requests of a kind that are under way at once. */
const MOST = 100
const AT_ONCE = 2
/** Devices of one user; more are left out. */
const MOST_TOKENS = 100

const Names = z.object({
  users: z.array(z.object({ displayName: z.string(), avatarUrl: z.string().nullish() }).nullable()),
})
const Devices = z.object({
  users: z.array(z.object({ pushTokens: z.array(z.string()).default([]) }).nullable()),
})

export interface HttpDirectoryOptions {
  readonly url: string
  readonly token: string
  /** The issuers of whose users it knows devices, too. Without any, it is never asked for them. */
  readonly pushIssuers: readonly string[]
  /** Whether those who ask at once may share a request; false where one may not wait for what another has begun. */
  readonly isShared: boolean
}

/**
 * createHttpDirectory asks an endpoint: `{users: [{issuer, subject, type}]}` is answered with
 * `{users: [{displayName, avatarUrl} or null]}`, in the same order, and `{wants: 'pushTokens', users: [{issuer, subject}]}`
 * with `{users: [{pushTokens} or null]}`. Where it fails at one of the two, it is still asked the other.
 */
export function createHttpDirectory(options: HttpDirectoryOptions): UserDirectory & PushTokens {
  const { url, token, pushIssuers, isShared } = options

  async function ask<Entry>(
    question: { readonly users: readonly object[]; readonly wants?: 'pushTokens' },
    answers: z.ZodType<{ users: Entry[] }>,
  ): Promise<Entry[]> {
    const answer = await fetchJson(url, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(question),
    })
    const { users } = answers.parse(answer)
    if (users.length !== question.users.length) {
      throw new Error(`${url} answered ${users.length} users instead of ${question.users.length}`)
    }
    return users
  }

  /** Asks for one user, by a request of several where it may. */
  function createFind<User, Entry>(read: (users: readonly User[]) => Promise<Entry[]>) {
    const breaker = createBreaker(steadyClock, () => false)
    const find = isShared
      ? createBatch(read, { atOnce: AT_ONCE, most: MOST })
      : async (user: User) => (await read([user]))[0]
    return (user: User) => breaker.run(() => find(user))
  }

  const findName = createFind((users: readonly Wanted[]) => ask({ users }, Names))
  const findDevices = createFind((users: readonly Omit<Wanted, 'type'>[]) =>
    ask({ wants: 'pushTokens', users }, Devices),
  )
  return {
    async find({ issuer, subject, type }) {
      const found = await findName({ issuer, subject, type })
      return found ? { name: found.displayName, picture: found.avatarUrl } : undefined
    },
    hasTokensOf: (issuer) => pushIssuers.includes(issuer),
    async listTokens({ issuer, subject }) {
      if (!pushIssuers.includes(issuer)) return []
      const found = await findDevices({ issuer, subject })
      return found?.pushTokens.filter((it) => it !== '').slice(0, MOST_TOKENS) ?? []
    },
  }
}
