import type { Delivery, Sender, Sent } from '../../src/workers/ports.ts'
import type { Machine, World } from './world.ts'

/** What came to those outside, and was taken. */
export interface Taken {
  readonly at: number
  /** Names the try at a provider and at an endpoint: doubles are told by it. */
  readonly key: string
  readonly chatId: string
  /** Of a push: the message that it is of, and for whom. */
  readonly messageId: string
  readonly userId: string | undefined
}

const REFUSED: Sent = { status: 'failed', error: 'Answered 429', retryIn: 1_000 }
const UNHEARD: Sent = { status: 'failed', error: 'No answer within 10 s', retryIn: null }

/** Outside is a push provider and an endpoint for webhooks, which are busy and lose answers while faults last. */
export class Outside {
  readonly taken: Taken[] = []
  /** Probabilities. */
  faults = { busy: 0, lost: 0 }
  readonly #world: World
  readonly #machine: Machine
  /** Negative control: a provider gets another key for each try. */
  readonly #isKeyless: boolean

  constructor(world: World, { isKeyless }: { readonly isKeyless: boolean }) {
    this.#world = world
    this.#machine = world.machine('outside')
    this.#isKeyless = isKeyless
  }

  /** How a machine reaches it: what was on the way when the machine ends may have been taken. */
  of(machine: Machine): Sender {
    const world = this.#world
    return (delivery) =>
      new Promise((resolve) => {
        world.after(this.#machine, world.between(5, 200), () => {
          const isBusy = world.chance(this.faults.busy)
          const isLost = world.chance(this.faults.lost)
          if (!isBusy) this.taken.push(this.#toTaken(delivery))
          const sent = isBusy ? REFUSED : isLost ? UNHEARD : ({ status: 'sent' } as const)
          world.after(machine, isLost ? 10_000 : world.between(5, 500), () => resolve(sent))
        })
      })
  }

  #toTaken(delivery: Delivery): Taken {
    const at = this.#world.now
    if (delivery.via === 'webhook') {
      const { data } = JSON.parse(delivery.body)
      const messageId = data.message?.id ?? ''
      return { at, key: delivery.id, chatId: data.chatId, messageId, userId: undefined }
    }
    const { key, chatId, messageId, userId } = delivery.notification
    return { at, key: this.#isKeyless ? this.#world.uuid() : key, chatId, messageId, userId }
  }
}
