import { v7 } from 'uuid'
import type { WebSocket } from 'ws'
import type { ServerFrame } from '../../../protocol/frames.ts'
import type { Fault } from './fault.ts'
import type { FaultyInstance } from './instance.ts'
import { openBeside } from './open-beside.ts'
import type { Scene } from './scene.ts'
import { until } from './until.ts'
import type { Voice } from './voice.ts'

/** Users who have a second device at the instance. */
const DEVICES = 6
const BEFORE = 1_500
/** The others take over after 4 s, and write. */
const FROZEN = 5_500
/** After which it knows that it hears nothing, and has asked for the heads. */
const LEARNT = 1_000
const ANSWERED_WITHIN = 5_000

/**
 * Woken deaf is F3 and F9 at once, at one instance after another: what is said meanwhile is not to be read when it
 * wakes, and it does not know. Devices that come back at that moment must be told all that was acknowledged: C12.
 */
export const wokenDeaf: Fault = {
  id: 'F3+F9',
  title:
    'SIGSTOP one instance after another, told nothing more by pub/sub; devices come back to it as it wakes',
  leastSeconds: 27,
  async inject(scene) {
    for (const instance of scene.stage.instances) {
      await scene.pause(BEFORE)
      await wakeDeaf(scene, instance)
    }
    await scene.pause(scene.left)
  },
}

async function wakeDeaf(scene: Scene, instance: FaultyInstance): Promise<void> {
  const voices = scene.voices.slice(0, DEVICES)
  const devices = await Promise.all(voices.map((voice) => openDevice(voice, instance)))
  scene.struck(scene.chatsOf(instance))
  instance.toRedis.starve()
  instance.freeze()
  await scene.pause(FROZEN)
  // Their connections are taken by the kernel, and are the first that it finds.
  const resumed = devices.map((device) => comeBack(device, instance))
  instance.thaw()
  if ((await Promise.all(resumed)).includes(false))
    scene.wrong('a device that came back was not told what it missed')
  await scene.pause(LEARNT)
  instance.toRedis.heal()
  for (const { socket } of devices) socket?.terminate()
}

interface Device {
  readonly voice: Voice
  readonly socket: WebSocket | undefined
  /** Up to where it was told of each chat. */
  readonly heads: Map<string, number>
}

/** Resolves when the device has all there is at this instance; from then on it hears what comes. */
async function openDevice(voice: Voice, { url }: FaultyInstance): Promise<Device> {
  const socket = await openBeside({ accessToken: voice.accessToken, url })
  const heads = new Map<string, number>()
  socket?.on('message', (data) => {
    const frame: ServerFrame = JSON.parse(String(data))
    if ('seq' in frame) heads.set(frame.chatId, frame.seq)
    if (frame.type !== 'ack' || !('chats' in frame.data)) return
    for (const [chatId, head] of Object.entries(frame.data.chats)) heads.set(chatId, head)
  })
  socket?.send(toSync(new Map()))
  await until(() => heads.size > 0, ANSWERED_WITHIN)
  return { voice, socket, heads }
}

/** Another connection of the same device, which asks what it missed; answers whether it was told. */
async function comeBack({ voice, heads }: Device, { url }: FaultyInstance): Promise<boolean> {
  const socket = await openBeside({ accessToken: voice.accessToken, url })
  if (!socket) return false
  const { records } = voice.resumes
  const before = records.length
  socket.on('message', (data) => voice.resumes.hear(JSON.parse(String(data))))
  const text = toSync(heads)
  voice.resumes.ask(text)
  socket.send(text)
  const isTold = await until(() => records.length > before, ANSWERED_WITHIN)
  socket.terminate()
  return isTold
}

function toSync(heads: ReadonlyMap<string, number>): string {
  return JSON.stringify({ type: 'sync', id: v7(), data: { chats: Object.fromEntries(heads) } })
}
