import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Fault } from './fault.ts'
import type { PostgresServer } from './servers/postgres.ts'

const AWAY = 1_000
const FLUSH_EVERY = 1_000
const DROP_EVERY = 2_000
/** After a `kill -9` Postgres does not start until the last of its processes has noticed. */
const STARTS_MOST = 50
const START_PAUSE = 200

/** What befalls Redis and Postgres, and the ways to them. */
export const storeFaults: readonly Fault[] = [
  {
    id: 'F6',
    title: 'restart Redis, away for 1 s',
    async inject(scene) {
      const { redis } = scene.stage
      await scene.pause(scene.left / 4)
      scene.struck(scene.chatIds)
      await redis.stop()
      await scene.pause(AWAY)
      await redis.start()
      await scene.pause(scene.left)
    },
  },
  {
    id: 'F7',
    title: 'FLUSHALL every second',
    async inject(scene) {
      const client = new Redis(scene.stage.redis.url)
      try {
        await scene.repeat(FLUSH_EVERY, async () => {
          await client.flushall()
          scene.struck()
        })
      } finally {
        client.disconnect()
      }
    },
  },
  {
    id: 'F8',
    title: 'drop every Redis socket, every 2 s',
    inject: (scene) =>
      scene.repeat(DROP_EVERY, () => {
        scene.struck(scene.chatIds)
        for (const { toRedis } of scene.stage.instances) toRedis.reset()
      }),
  },
  {
    id: 'F11',
    title: 'restart Postgres, immediate',
    async inject(scene) {
      const { postgres } = scene.stage
      await scene.pause(scene.left / 4)
      scene.struck(scene.chatIds)
      await postgres.stop('immediate')
      await postgres.start()
      await scene.pause(scene.left)
    },
  },
  {
    id: 'F12',
    title: 'kill -9 Postgres',
    async inject(scene) {
      const { postgres } = scene.stage
      await scene.pause(scene.left / 4)
      scene.struck(scene.chatIds)
      await postgres.stop('kill')
      await startAfterKill(postgres)
      await scene.pause(scene.left)
    },
  },
  {
    id: 'F18',
    title: 'cut one instance from Redis, then from Postgres',
    async inject(scene) {
      const third = scene.left / 3
      for (const way of ['toRedis', 'toPostgres'] as const) {
        const victim = scene.pickOwner()
        scene.struck(scene.chatsOf(victim))
        victim[way].cut()
        await scene.pause(third)
        victim[way].heal()
      }
      await scene.pause(scene.left)
    },
  },
]

async function startAfterKill(postgres: PostgresServer): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await postgres.start()
    } catch (error) {
      if (tries === STARTS_MOST) throw error
      await sleep(START_PAUSE)
    }
  }
}
