import { setTimeout as sleep } from 'node:timers/promises'
import type { Violation } from '../../../conformance/checker.ts'
import type { ClientHistory } from '../../../conformance/history.ts'
import type { Random } from '../../../conformance/random.ts'
import type { FaultyInstance } from './instance.ts'
import type { Load } from './load.ts'
import type { Stage } from './stage.ts'
import { until } from './until.ts'
import type { Voice } from './voice.ts'

/** Most milliseconds that a send may take to be settled once the fault is over: clients back off up to 30 s. */
const SETTLE = 45_000

/** Strike is one moment at which a fault hit, and the chats that somebody else has to serve from then on. */
export interface Strike {
  readonly at: number
  readonly chatIds: readonly string[]
}

/** Scene is one run of one fault: what it can do harm to, and for how long. */
export class Scene {
  readonly stage: Stage
  readonly voices: readonly Voice[]
  readonly chatIds: readonly string[]
  readonly random: Random
  readonly strikes: Strike[] = []
  /** What others than the voices heard: the checker looks at them as well. */
  readonly witnesses: ClientHistory[] = []
  /** What the fault itself found wrong. */
  readonly violations: Violation[] = []
  /** What whoever reads the table should know. */
  readonly remarks: string[] = []
  readonly #load: Load
  readonly #endsAt: number

  constructor(
    stage: Stage,
    options: {
      readonly voices: readonly Voice[]
      readonly chatIds: readonly string[]
      readonly random: Random
      readonly seconds: number
      readonly load: Load
    },
  ) {
    this.stage = stage
    this.voices = options.voices
    this.chatIds = options.chatIds
    this.random = options.random
    this.#load = options.load
    this.#endsAt = performance.now() + options.seconds * 1_000
  }

  /** Milliseconds that are left of it. */
  get left(): number {
    return Math.max(0, this.#endsAt - performance.now())
  }

  /** Waits so long, or until the end. */
  pause(milliseconds: number): Promise<void> {
    return sleep(Math.max(0, Math.min(milliseconds, this.left)))
  }

  /** Does it now and again at that distance, as long as half of it is left for what comes after. */
  async repeat(every: number, act: () => Promise<void> | void): Promise<void> {
    const interval = Math.min(every, this.left / 2)
    while (this.left > interval / 2) {
      const next = performance.now() + interval
      await act()
      await this.pause(Math.max(0, next - performance.now()))
    }
  }

  /** An instance of which some chats are, if there is one. */
  pickOwner(): FaultyInstance {
    const owners = this.chatIds.flatMap((chatId) => this.stage.ownerOf(chatId) ?? [])
    const candidates = owners.length > 0 ? owners : this.stage.instances
    const picked = candidates[this.random.below(candidates.length)]
    if (!picked) throw new Error('There is no instance to strike')
    return picked
  }

  pickVoice(): Voice {
    const voice = this.voices[this.random.below(this.voices.length)]
    if (!voice) throw new Error('There is no voice')
    return voice
  }

  /** The chats that this instance owns at this moment. */
  chatsOf(instance: FaultyInstance): readonly string[] {
    return this.chatIds.filter((chatId) => this.stage.ownerOf(chatId) === instance)
  }

  /** Nobody says more; resolves when all that was said is settled. What was lost last shows by nothing that follows. */
  hush(): Promise<void> {
    return this.#load.stop(SETTLE)
  }

  /** The last change of each chat that has reached anybody. */
  heads(): Map<string, number> {
    return new Map(this.chatIds.map((chatId) => [chatId, Math.max(...this.#applied(chatId))]))
  }

  /** Whether, within so many milliseconds, all participants of each chat have come equally far. */
  isTogether(within: number): Promise<boolean> {
    return until(() => this.chatIds.every((chatId) => new Set(this.#applied(chatId)).size === 1), within)
  }

  /** Each of these chats must have changed since. */
  wentOn(before: ReadonlyMap<string, number>, chatIds: readonly string[]): void {
    const now = this.heads()
    const still = chatIds.filter((chatId) => now.get(chatId) === before.get(chatId))
    if (still.length > 0) this.wrong(`${still.length} of ${chatIds.length} other chats stood still`)
  }

  /** Something is not as it must be, whatever the history says. */
  wrong(message: string): void {
    this.violations.push({ rule: 'C10', message })
  }

  #applied(chatId: string): number[] {
    return this.voices.flatMap((voice) => (voice.chatIds.includes(chatId) ? [voice.applied(chatId)] : []))
  }

  /** The fault hits now; `chatIds` are those whose next ack tells that it is overcome. */
  struck(chatIds: readonly string[] = []): void {
    this.strikes.push({ at: performance.now(), chatIds })
  }
}
