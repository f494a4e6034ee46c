import { createMemoryPresence } from '../../../gateway/memory.ts'
import type { PresenceStore } from '../../../gateway/ports.ts'
import { mostPresent } from '../../../gateway/presence.ts'
import type { PresenceStatus } from '../../../protocol/model.ts'
import type { Clock } from '../../../rooms/ports.ts'
import type { Members } from './members.ts'
import type { RedisClient } from './redis.ts'

/** What an instance says of its users ends after this, in seconds, unless it says it again. */
const LEASE = 90
/** Milliseconds between two looks at whether it still stands there. */
const LOOK = 2_000
/** Each user is said again every so many looks, well before the lease ends; a share at each look, as all at once take long. */
const TURNS = 15
/** Users of one pipeline. */
const AT_ONCE = 500

interface ClusterPresencePorts {
  readonly redis: RedisClient
  readonly prefix: string
  readonly members: Pick<Members, 'self' | 'isThere'>
  readonly clock: Clock
}

/** What this instance says of a user, and the turn at which it says so again. */
interface Said {
  readonly status: PresenceStatus
  readonly turn: number
}

/** ClusterPresence is presence over all instances. While Redis is away it knows the users of this instance alone. */
export interface ClusterPresence extends PresenceStore {
  /** Forgets what an instance that is gone said, and answers its users with how each is seen now. */
  forget(instanceId: string): Promise<Map<string, PresenceStatus>>
  /** Takes back what this instance said. */
  close(): Promise<void>
}

/**
 * createClusterPresence keeps a hash per user (instance to status) and, to find the users of an instance that died, a
 * set per instance. What an instance said counts only while that instance is there, so that nobody has to clean up
 * before a ghost is gone. A Redis that was emptied is filled again.
 */
export function createClusterPresence(ports: ClusterPresencePorts): ClusterPresence {
  const { redis, prefix, members, clock } = ports
  const local = createMemoryPresence()
  const here = new Map<string, Said>()
  const userKey = (userId: string) => `${prefix}presence:user:${userId}`
  const instanceKey = (instanceId: string) => `${prefix}presence:instance:${instanceId}`
  let turn = 0
  let nextTurn = 0
  let cancel = clock.after(LOOK, look)

  /** Says what is so now: while others were said, a user may have gone. */
  async function say(userId: string): Promise<void> {
    const said = here.get(userId)
    if (!said) {
      await Promise.all([
        redis.hdel(userKey(userId), members.self),
        redis.srem(instanceKey(members.self), userId),
      ])
      return
    }
    await Promise.all([
      redis.hset(userKey(userId), members.self, said.status),
      redis.expire(userKey(userId), LEASE),
      redis.sadd(instanceKey(members.self), userId),
      redis.expire(instanceKey(members.self), LEASE),
    ])
  }

  function takeTurn(): number {
    nextTurn = (nextTurn + 1) % TURNS
    return nextTurn
  }

  function look(): void {
    sayAgain()
      .catch(() => {}) // Redis is away: another look will find it
      .finally(() => {
        cancel = clock.after(LOOK, look)
      })
  }

  async function sayAgain(): Promise<void> {
    if (here.size === 0) return
    turn = (turn + 1) % TURNS
    const count = here.size
    const known = await redis.scard(instanceKey(members.self))
    const due = [...here].flatMap(([userId, said]) => (known < count || said.turn === turn ? [userId] : []))
    for (let begin = 0; begin < due.length; begin += AT_ONCE) {
      await Promise.all(due.slice(begin, begin + AT_ONCE).map(say))
    }
  }

  async function read(userId: string): Promise<PresenceStatus> {
    const said = await redis.hgetall(userKey(userId))
    const own = here.get(userId)?.status
    const others = Object.entries(said).flatMap(([instanceId, status]) =>
      instanceId !== members.self && members.isThere(instanceId) ? [status as PresenceStatus] : [],
    )
    return mostPresent(own ? [own, ...others] : others)
  }

  return {
    async set(userId, status) {
      if (status === 'offline') here.delete(userId)
      else here.set(userId, { status, turn: here.get(userId)?.turn ?? takeTurn() })
      await local.set(userId, status)
      try {
        await say(userId)
        return await read(userId)
      } catch {
        return status
      }
    },

    async list(userIds) {
      try {
        const statuses = await Promise.all(userIds.map(read))
        return new Map(
          userIds.flatMap((userId, index) => {
            const status = statuses[index] ?? 'offline'
            return status === 'offline' ? [] : [[userId, status]]
          }),
        )
      } catch {
        return local.list(userIds)
      }
    },

    async forget(instanceId) {
      const userIds = await redis.smembers(instanceKey(instanceId))
      await Promise.all(userIds.map((userId) => redis.hdel(userKey(userId), instanceId)))
      await redis.del(instanceKey(instanceId))
      const statuses = await Promise.all(userIds.map(read))
      return new Map(userIds.map((userId, index) => [userId, statuses[index] ?? 'offline']))
    },

    async close() {
      cancel()
      const gone = [...here.keys()]
      here.clear()
      await Promise.all(gone.map(say)).catch(() => {})
    },
  }
}
