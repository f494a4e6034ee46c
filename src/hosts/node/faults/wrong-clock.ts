import type { Fault } from './fault.ts'
import type { FaultyInstance } from './instance.ts'
import type { Scene } from './scene.ts'

const HOUR = 3_600_000
const PRELOAD = new URL('./shifted-clock.ts', import.meta.url)
const COME_ANEW_EVERY = 500
/** Share of the connections that come anew at once. */
const COME_ANEW = 0.2

/**
 * Wrong clock is an instance whose wall clock is an hour ahead, then one whose clock is an hour behind. For half of its
 * time each is cut off from Redis, so that it and the others write to the same chats by turns, an hour apart.
 */
export const wrongClock: Fault = {
  id: 'F26',
  title: 'the wall clock of one instance is an hour ahead, then of one an hour behind',
  leastSeconds: 20,
  async inject(scene) {
    const each = scene.left / 2
    for (const [turn, shift] of [HOUR, -HOUR].entries()) {
      const victim = scene.pickOwner()
      await scene.stage.restart(victim, new URL(`?milliseconds=${shift}`, PRELOAD))
      scene.struck(scene.chatsOf(victim))
      const after = each * (1 - turn)
      await scene.pause((scene.left - after) / 2)
      await disagree(scene, victim, after)
      await scene.stage.restart(victim)
    }
  },
}

/** Clients come and go between two opinions of the time, until so many milliseconds of the scene are left. */
async function disagree(scene: Scene, victim: FaultyInstance, after: number): Promise<void> {
  victim.toRedis.cut()
  while (scene.left > after) {
    for (const connection of [...scene.stage.front.connections]) {
      if (scene.random.chance(COME_ANEW)) connection.reset()
    }
    await scene.pause(Math.min(COME_ANEW_EVERY, scene.left - after))
  }
  victim.toRedis.heal()
}
