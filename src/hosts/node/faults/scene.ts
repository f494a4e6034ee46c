import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../../conformance/random.ts'
import type { FaultyInstance } from './instance.ts'
import type { Stage } from './stage.ts'
import type { Voice } from './voice.ts'

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
  readonly #endsAt: number

  constructor(
    stage: Stage,
    options: {
      readonly voices: readonly Voice[]
      readonly chatIds: readonly string[]
      readonly random: Random
      readonly seconds: number
    },
  ) {
    this.stage = stage
    this.voices = options.voices
    this.chatIds = options.chatIds
    this.random = options.random
    this.#endsAt = performance.now() + options.seconds * 1_000
  }

  /** Milliseconds that are left of it. */
  get left(): number {
    return Math.max(0, this.#endsAt - performance.now())
  }

  /** Waits so long, or until the end. */
  pause(milliseconds: number): Promise<void> {
    return sleep(Math.min(milliseconds, this.left))
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

  /** The chats that this instance owns at this moment. */
  chatsOf(instance: FaultyInstance): readonly string[] {
    return this.chatIds.filter((chatId) => this.stage.ownerOf(chatId) === instance)
  }

  /** The fault hits now; `chatIds` are those whose next ack tells that it is overcome. */
  struck(chatIds: readonly string[] = []): void {
    this.strikes.push({ at: performance.now(), chatIds })
  }
}
