import { v7 } from 'uuid'
import type { WebSocket } from 'ws'
import { Garbage } from '../../../conformance/garbage.ts'
import type { Random } from '../../../conformance/random.ts'
import type { Fault } from './fault.ts'
import { openBeside } from './open-beside.ts'
import type { Scene } from './scene.ts'

const GARBAGE_EVERY = 100
const FRAMES_AT_ONCE = 5
const DEEP = 10_000
const TWICE_EVERY = 200
/** Share of the connections that fall silent. */
const STALLED = 0.2

/** What befalls clients, and what they do to the service. */
export const clientFaults: readonly Fault[] = [
  {
    id: 'F19',
    title: 'half-open clients: a fifth of the connections pass nothing, then are reset',
    async inject(scene) {
      await scene.pause(scene.left / 10)
      const connections = [...scene.stage.front.connections].filter(() => scene.random.chance(STALLED))
      for (const connection of connections) connection.stall()
      scene.struck()
      await scene.pause(scene.left * 0.75)
      for (const connection of connections) connection.reset()
      await scene.pause(scene.left)
    },
  },
  {
    id: 'F21',
    title: 'garbage frames',
    async inject(scene) {
      const garbage = new Garbage(scene.random)
      await scene.repeat(GARBAGE_EVERY, async () => {
        const socket = await openBeside(scene.pickVoice())
        if (!socket) return
        for (let count = 0; count < FRAMES_AT_ONCE; count += 1) throwGarbage(socket, garbage, scene)
        scene.struck()
        setTimeout(() => socket.terminate(), GARBAGE_EVERY)
      })
    },
  },
  {
    id: 'F25',
    title: 'one id from two devices on two instances',
    inject: (scene) =>
      scene.repeat(TWICE_EVERY, async () => {
        const voice = scene.pickVoice()
        const chatId = voice.chatIds[scene.random.below(voice.chatIds.length)]
        const up = scene.stage.instances.filter(({ isUp }) => isUp)
        const other = up[scene.random.below(up.length)]
        if (chatId === undefined || !other) return
        const id = v7()
        scene.struck()
        await Promise.all([voice.say(chatId, { id }), voice.sayBeside(chatId, id, other.url)])
      }),
  },
]

/** Bad UTF-8, binary, depth, huge numbers, names of prototypes, broken JSON, and wrong values in right places. */
function throwGarbage(socket: WebSocket, garbage: Garbage, { random, chatIds }: Scene): void {
  const chatId = chatIds[random.below(chatIds.length)] ?? ''
  const frame = { type: 'message:read', id: v7(), data: { chatId, seq: 2 ** 52 } }
  const throws: readonly [() => void, ...(() => void)[]] = [
    () => socket.send(Buffer.from([0xc3, 0x28, 0xff, 0xfe]), { binary: false }),
    () => socket.send(randomBytes(random)),
    () => socket.send('['.repeat(DEEP)),
    () => socket.send(`{"type":"message:send","id":"x","data":{"__proto__":{"chatId":"${chatId}"}}}`),
    () => socket.send(`{"type":"message:read","id":"x","data":{"chatId":"${chatId}","seq":1e400}}`),
    () => socket.send(garbage.breakText(JSON.stringify(frame))),
    () => socket.send(JSON.stringify(garbage.value())),
  ]
  random.pick(throws)()
}

function randomBytes(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256)))
}
