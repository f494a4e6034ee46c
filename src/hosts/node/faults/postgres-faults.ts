import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './fault.ts'
import { outage } from './outage.ts'
import type { Scene } from './scene.ts'
import type { PostgresServer } from './servers/postgres.ts'

/** After a `kill -9` Postgres does not start until the last of its processes has noticed. */
const STARTS_MOST = 50
const START_PAUSE = 200

/** What befalls Postgres as a whole, and the ways to it. */
export const postgresFaults: readonly Fault[] = [
  outage({
    id: 'F11',
    title: 'restart Postgres, immediate',
    async strike({ stage }) {
      await stage.postgres.stop('immediate')
      await stage.postgres.start()
    },
  }),
  outage({
    id: 'F12',
    title: 'kill -9 Postgres',
    strike: killPostgres,
  }),
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

export async function killPostgres({ stage }: Scene): Promise<void> {
  await stage.postgres.stop('kill')
  await startAfterKill(stage.postgres)
}

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
