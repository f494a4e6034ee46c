import type { Fault } from './fault.ts'
import type { Scene } from './scene.ts'

interface Outage extends Pick<Fault, 'id' | 'title'> {
  /** Ends what all depend on, and starts it again. */
  readonly strike: (scene: Scene) => Promise<void>
}

/** outage makes a fault that strikes once, everybody, and leaves most of the time for what comes after. */
export function outage({ id, title, strike }: Outage): Fault {
  return {
    id,
    title,
    async inject(scene) {
      await scene.pause(scene.left / 4)
      scene.struck(scene.chatIds)
      await strike(scene)
      await scene.pause(scene.left)
    },
  }
}
