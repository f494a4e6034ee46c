import type { Fault } from './fault.ts'

const HOUR = 3_600_000
const PRELOAD = new URL('./shifted-clock.ts', import.meta.url)

/** Wrong clock is an instance whose wall clock is an hour ahead, then one whose clock is an hour behind. */
export const wrongClock: Fault = {
  id: 'F26',
  title: 'the wall clock of one instance is an hour ahead, then of one an hour behind',
  leastSeconds: 20,
  async inject(scene) {
    const { stage } = scene
    const half = scene.left / 2
    for (const shift of [HOUR, -HOUR]) {
      const end = scene.left - half
      const victim = scene.pickOwner()
      await stage.restart(victim, new URL(`?milliseconds=${shift}`, PRELOAD))
      scene.struck(scene.chatsOf(victim))
      await scene.pause(Math.max(scene.left - end, 0))
      await stage.restart(victim)
    }
    await scene.pause(scene.left)
  },
}
