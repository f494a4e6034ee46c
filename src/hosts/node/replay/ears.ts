import { Latencies } from './latencies.ts'
import type { Voice } from './voices.ts'

/** Ears note what every voice hears of the others, and how long it took from the sending. */
export class Ears {
  readonly deliveries = new Latencies()
  /** Messages that a client was told of twice, or after a later one. Nothing should be. */
  outOfPlace = 0
  readonly #sentAt = new Map<string, number>()

  listen({ client, userId }: Voice): void {
    const last = new Map<string, number>()
    client.on('message', ({ chatId, message: { id, seq, senderId } }) => {
      if (seq <= (last.get(chatId) ?? 0)) this.outOfPlace += 1
      last.set(chatId, seq)
      const sentAt = this.#sentAt.get(id)
      if (senderId !== userId && sentAt !== undefined) this.deliveries.add(performance.now() - sentAt)
    })
  }

  /** A message is sent now. */
  sent(id: string): void {
    this.#sentAt.set(id, performance.now())
  }
}
