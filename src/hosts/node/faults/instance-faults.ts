import type { Fault } from './fault.ts'
import type { Scene } from './scene.ts'

const KILL_EVERY = 5_000
const FREEZE_MOST = 10_000
/** Milliseconds in which commands come in whose commits do not go out. */
const GATHERING = 500
/** Longer than it takes the others to miss an instance. */
const PAST_TAKEOVER = 5_000

/** What befalls instances. */
export const instanceFaults: readonly Fault[] = [
  { id: 'F1', title: 'kill -9 an instance every 5 s', inject: killOwners },
  {
    id: 'F2',
    title: 'kill -9 every instance',
    async inject(scene) {
      await scene.pause(scene.left / 3)
      scene.struck(scene.chatIds)
      const { instances } = scene.stage
      await Promise.all(instances.map((instance) => instance.end('SIGKILL')))
      await Promise.all(instances.map((instance) => scene.stage.start(instance)))
      await scene.pause(scene.left)
    },
  },
  {
    id: 'F3',
    title: 'SIGSTOP an instance for 10 s, then SIGCONT',
    async inject(scene) {
      await scene.pause(scene.left / 10)
      const victim = scene.pickOwner()
      scene.struck(scene.chatsOf(victim))
      victim.freeze()
      // What it does when it wakes is half of the fault.
      await scene.pause(Math.min(FREEZE_MOST, scene.left * 0.75))
      victim.thaw()
      await scene.pause(scene.left)
    },
  },
  {
    id: 'F4',
    title: 'SIGSTOP between receive and commit: what is on its way to Postgres arrives after the takeover',
    async inject(scene) {
      await scene.pause(scene.left / 10)
      const victim = scene.pickOwner()
      victim.toPostgres.hold()
      await scene.pause(GATHERING)
      if (victim.toPostgres.heldBack > 0) scene.struck(scene.chatsOf(victim))
      victim.freeze()
      await scene.pause(PAST_TAKEOVER)
      victim.thaw()
      victim.toPostgres.heal()
      await scene.pause(scene.left)
    },
  },
  {
    id: 'F5',
    title: 'rolling restart with SIGTERM',
    async inject(scene) {
      for (const instance of scene.stage.instances) {
        scene.struck(scene.chatsOf(instance))
        await scene.stage.restart(instance)
      }
      await scene.pause(scene.left)
    },
  },
]

/** killOwners ends one owner after another, until the scene is over. */
export async function killOwners(scene: Scene): Promise<void> {
  await scene.pause(scene.left / 10)
  await scene.repeat(KILL_EVERY, async () => {
    const victim = scene.pickOwner()
    scene.struck(scene.chatsOf(victim))
    await victim.end('SIGKILL')
    await scene.stage.start(victim)
  })
}
