import type { Rule } from '../../src/conformance/checker.ts'
import type { Fault } from '../../src/hosts/node/faults/fault.ts'
import type { FaultyInstance } from '../../src/hosts/node/faults/instance.ts'
import { getFault } from '../../src/hosts/node/faults/matrix.ts'
import { killPostgres } from '../../src/hosts/node/faults/postgres-faults.ts'
import { dropAgain } from '../../src/hosts/node/faults/redis-faults.ts'
import { type FaultResult, runFaults } from '../../src/hosts/node/faults/run.ts'
import type { Scene } from '../../src/hosts/node/faults/scene.ts'

const SHIFTED_CLOCK = new URL('../../src/hosts/node/faults/shifted-clock.ts', import.meta.url)
const SABOTAGE = new URL('./sabotage.ts', import.meta.url)

/** Control is a run that has to be red: the service is broken in one place, and a fault brings it to light. */
export interface Control {
  readonly id: string
  readonly title: string
  readonly fault: Fault
  /** It is red only by one of these: anything else would be an accident. */
  readonly rules: readonly Rule[]
  /** Settings of Postgres that leave nothing to luck. */
  readonly postgres?: Record<string, string>
}

/** F8, so that no subscription lasts, and with a quiet end: what is lost last shows by nothing that follows. */
const NEVER_SUBSCRIBED: Fault = {
  id: 'F8',
  title: 'drop every Redis socket, every 100 ms, the last 5 s of them in silence',
  async inject(scene) {
    const dropping = dropAgain(scene, 100)
    await scene.pause(scene.left - 5_000)
    await scene.hush()
    await dropping
  },
}

/** Milliseconds for watermarks to reach the owner, who holds back all but the first for a second. */
const HELD_BACK = 200
/** Longer than it takes the others to miss an instance. */
const MISSED = 4_200
/** In which what was held back is committed. */
const RELEASED = 1_300
/** Without the fence some things that are said are never settled. */
const SETTLED = 2_000

/**
 * F3 with nothing but watermarks, at one instance after another. A stale writer is refused by the fence; without it his
 * messages still meet the unique key of chat and number, and then he reads anew. So what he holds back when he is
 * stopped are watermarks, and so are the changes of others meanwhile, which stand where he will number messages.
 */
const WITH_WATERMARKS: Fault = {
  id: 'F3',
  title: 'SIGSTOP one instance after another for 5.5 s while it holds watermarks back, then SIGCONT',
  leastSeconds: 36,
  async inject(scene) {
    await scene.pause(1_500)
    await scene.hush()
    for (const instance of scene.stage.instances) {
      await sayInEach(scene)
      await scene.pause(HELD_BACK)
      scene.struck(scene.chatsOf(instance))
      instance.freeze()
      await scene.pause(MISSED)
      for (const voice of scene.voices) for (const chatId of voice.chatIds) voice.client.markRead(chatId)
      await scene.pause(RELEASED)
      instance.thaw()
      await scene.pause(RELEASED)
      await sayInEach(scene)
    }
    await scene.pause(scene.left)
  },
}

/** Each says one thing in each of his chats; waits until that is settled, but not for ever. */
async function sayInEach(scene: Scene): Promise<void> {
  const said = scene.voices.flatMap((voice) => voice.chatIds.map((chatId) => voice.say(chatId)))
  await Promise.race([Promise.all(said), scene.pause(SETTLED)])
}

/** F12, again and again: what was not flushed at one of these moments may be nothing. */
const KILLED_AGAIN: Fault = {
  id: 'F12',
  title: 'kill -9 Postgres, every 3 s',
  leastSeconds: 24,
  async inject(scene) {
    // The chats themselves are to stay.
    await scene.pause(3_000)
    await scene.repeat(3_000, () => killPostgres(scene))
    await scene.pause(scene.left)
  },
}

/** Milliseconds within which even those hear of it who are cut off, and all are back who had to come anew. */
const HEARD = 3_000

/**
 * F26 with nothing left to luck: a message that everybody hears, and then one of an instance that is an hour behind,
 * while everybody is away.
 */
const HOUR_BEHIND: Fault = {
  id: 'F26',
  title: 'an instance is an hour behind, and its messages and those of another come by turns',
  leastSeconds: 24,
  async inject(scene) {
    await scene.hush()
    const victim = scene.pickOwner()
    await scene.stage.restart(victim, new URL('?milliseconds=-3600000', SHIFTED_CLOCK))
    scene.struck()
    victim.toRedis.cut()
    await scene.pause(MISSED)
    const [other = victim] = scene.stage.instances.filter((instance) => instance !== victim)
    while (scene.left > 2 * HEARD) {
      await sayAt(scene, other)
      await scene.pause(HEARD)
      for (const connection of [...scene.stage.front.connections]) connection.reset()
      await sayAt(scene, victim)
      await scene.pause(HEARD)
    }
    await scene.stage.restart(victim)
    victim.toRedis.heal()
  },
}

/** Somebody says one thing over REST in each chat. */
async function sayAt({ chatIds, voices }: Scene, { url }: FaultyInstance): Promise<void> {
  await Promise.all(
    chatIds.map((chatId) => voices.find((voice) => voice.chatIds.includes(chatId))?.insist(chatId, url)),
  )
}

export const CONTROLS: readonly Control[] = [
  {
    id: 'N1',
    title: 'without the compare-and-set',
    fault: WITH_WATERMARKS,
    rules: ['C1', 'C2', 'C3'],
  },
  {
    id: 'N2',
    title: 'commits that do not wait for the disk',
    fault: KILLED_AGAIN,
    rules: ['C1'],
    postgres: { wal_writer_delay: '10s' },
  },
  { id: 'N3', title: 'a number for what is there already', fault: getFault('F25'), rules: ['C1'] },
  { id: 'N4', title: 'the ack before the commit', fault: getFault('F1'), rules: ['C1'] },
  { id: 'N5', title: 'without heads', fault: NEVER_SUBSCRIBED, rules: ['C4'] },
  { id: 'N6', title: 'a resume answered from memory', fault: getFault('F3+F9'), rules: ['C12'] },
  { id: 'N7', title: 'changes told by their time', fault: HOUR_BEHIND, rules: ['C4'] },
  { id: 'N8', title: 'pushes kept in memory', fault: getFault('F27+F1'), rules: ['C8'] },
  { id: 'N9', title: 'without the membership filter', fault: getFault('F24'), rules: ['C9'] },
  { id: 'N10', title: 'without a limit for slow readers', fault: getFault('F20'), rules: ['C10'] },
]

export interface ControlSize {
  readonly seconds: number
  readonly seed: number
  readonly instances: number
  readonly clients: number
  readonly chats: number
}

/** runControl breaks every instance of a service of its own, and runs the fault. */
export async function runControl({ id, fault, postgres }: Control, size: ControlSize): Promise<FaultResult> {
  const env = { NODE_OPTIONS: `--import=${new URL(`?control=${id}`, SABOTAGE)}` }
  const settings = { env, ...(postgres && { postgres }) }
  const [result] = await runFaults({ ...size, faults: [fault], settings })
  if (!result) throw new Error(`${id} came to no result`)
  return result
}

/** isRed tells whether the checker has found what the control broke. */
export function isRed({ rules }: Control, { messages }: FaultResult): boolean {
  return messages.some((message) => rules.some((rule) => message.startsWith(`${rule} `)))
}
