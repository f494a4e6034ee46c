import type { Fault } from './fault.ts'
import { killOwners } from './instance-faults.ts'
import type { Scene } from './scene.ts'
import type { StoreMood } from './servers/bucket.ts'
import { DOT, type Picture, Uploads } from './uploads.ts'

const MOODS: readonly StoreMood[] = ['broken', 'denied', 'resetting', 'slow', 'hanging']
const MOOD_EVERY = 4_000
/** Bytes of a file that a disk without room takes. */
const ROOM = 300_000

const sent = new WeakMap<Scene, Uploads>()

/** What befalls files, while pictures are sent: those without them must not notice. */
export const fileFaults: readonly Fault[] = [
  {
    id: 'F17',
    title: 'no room for files larger than 300 KB on the disks of all instances',
    async inject(scene) {
      const uploads = await begin(scene, [DOT, await aLargePicture()])
      const before = scene.heads()
      for (const instance of scene.stage.instances) instance.limitFiles(ROOM)
      scene.struck()
      await scene.pause((scene.left * 2) / 3)
      scene.wentOn(before, scene.chatIds)
      if (uploads.count(507) === 0) scene.wrong('no picture was refused for want of room')
      for (const instance of scene.stage.instances) instance.limitFiles('unlimited')
      await scene.pause(scene.left)
      await uploads.end()
      if (uploads.count(201) === 0) scene.wrong('no picture was taken')
    },
    afterwards: async (scene, peers) => sent.get(scene)?.judge(peers),
  },
  {
    id: 'F17+F1',
    title: 'kill -9 an instance every 5 s while pictures go to disk',
    inject: killAmidUploads,
    afterwards: async (scene, peers) => sent.get(scene)?.judge(peers),
  },
  {
    id: 'F28',
    title: 'the file store fails, denies, resets, takes 5 s and hangs',
    hasPeers: true,
    leastSeconds: 2 * MOODS.length * (MOOD_EVERY / 1_000),
    async inject(scene, peers) {
      const uploads = await begin(scene)
      await scene.repeat(MOOD_EVERY, async () => {
        const before = scene.heads()
        const mood = MOODS[scene.strikes.length % MOODS.length] ?? 'broken'
        if (peers) peers.bucket.mood = mood
        scene.struck()
        await scene.pause(MOOD_EVERY / 2)
        scene.wentOn(before, scene.chatIds)
      })
      if (uploads.count(503) === 0) scene.wrong('no picture was refused')
      if (peers) peers.bucket.mood = 'well'
      await scene.pause(scene.left)
      await uploads.end()
      if (uploads.count(201) === 0) scene.wrong('no picture was taken')
    },
    afterwards: async (scene, peers) => sent.get(scene)?.judge(peers),
  },
  {
    id: 'F28+F1',
    title: 'kill -9 an instance every 5 s while pictures go to the store',
    hasPeers: true,
    inject: killAmidUploads,
    afterwards: async (scene, peers) => sent.get(scene)?.judge(peers),
  },
]

async function begin(scene: Scene, pictures?: readonly Picture[]): Promise<Uploads> {
  const uploads = await Uploads.begin(scene, pictures)
  sent.set(scene, uploads)
  return uploads
}

async function killAmidUploads(scene: Scene): Promise<void> {
  const uploads = await begin(scene)
  await killOwners(scene)
  await uploads.end()
  if (uploads.count(201) === 0) scene.wrong('no picture was taken')
}

/** A picture that nothing makes smaller, of some 900 KB. */
async function aLargePicture(): Promise<Picture> {
  const { default: sharp } = await import('sharp')
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const
  const create = { width: 1_200, height: 1_000, channels: 3 as const, background: 'white', noise }
  return new Uint8Array(await sharp({ create }).jpeg({ quality: 90 }).toBuffer())
}
