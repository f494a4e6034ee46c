import { Redis } from 'ioredis'
import type { Fault } from './fault.ts'
import { outage } from './outage.ts'
import type { Scene } from './scene.ts'

const AWAY = 1_000
const FLUSH_EVERY = 1_000
const DROP_EVERY = 2_000
/** Share of the connections that come anew while Redis is full. */
const COME_ANEW = 0.3
/** What others wrote is at most 2 s late while nothing is published, and this machine is busy. */
const LATE_MOST = 4_000

/** What befalls Redis, and the ways to it. */
export const redisFaults: readonly Fault[] = [
  outage({
    id: 'F6',
    title: 'restart Redis, away for 1 s',
    async strike(scene) {
      const { redis } = scene.stage
      await redis.stop()
      await scene.pause(AWAY)
      await redis.start()
    },
  }),
  { id: 'F7', title: 'FLUSHALL every second', inject: flushAgain },
  { id: 'F8', title: 'drop every Redis socket, every 2 s', inject: (scene) => dropAgain(scene, DROP_EVERY) },
  {
    id: 'F9',
    title: 'pub/sub starves: subscribers are told nothing more, while TCP and commands go on',
    async inject(scene) {
      await scene.pause(scene.left / 5)
      scene.struck(scene.chatIds)
      for (const { toRedis } of scene.stage.instances) toRedis.starve()
      await scene.pause(scene.left * 0.75)
      await scene.hush()
      if (!(await scene.isTogether(LATE_MOST)))
        scene.wrong('what was said last did not reach everybody in 4 s')
    },
  },
  {
    id: 'F10',
    title: 'Redis full: it refuses every write',
    inject: (scene) =>
      withRedis(scene, async (client) => {
        await scene.pause(scene.left / 5)
        await client.config('SET', 'maxmemory', '1')
        const isFull = await client.set('full', '?').then(
          () => false,
          () => true,
        )
        if (isFull) scene.struck(scene.chatIds)
        // Whoever comes now is to be written down as present.
        const connections = [...scene.stage.front.connections]
        for (const connection of connections) if (scene.random.chance(COME_ANEW)) connection.reset()
        await scene.pause(scene.left * 0.75)
        await client.config('SET', 'maxmemory', '0')
        await scene.pause(scene.left)
      }),
  },
]

/** flushAgain empties Redis every second, until the scene is over. */
export function flushAgain(scene: Scene): Promise<void> {
  return withRedis(scene, (client) =>
    scene.repeat(FLUSH_EVERY, async () => {
      await client.flushall()
      scene.struck()
    }),
  )
}

/** dropAgain resets every connection to Redis at that distance, in milliseconds, until the scene is over. */
export function dropAgain(scene: Scene, every: number): Promise<void> {
  return scene.repeat(every, () => {
    scene.struck(scene.chatIds)
    for (const { toRedis } of scene.stage.instances) toRedis.reset()
  })
}

async function withRedis(scene: Scene, use: (client: Redis) => Promise<void>): Promise<void> {
  const client = new Redis(scene.stage.redis.url)
  try {
    await use(client)
  } finally {
    client.disconnect()
  }
}
