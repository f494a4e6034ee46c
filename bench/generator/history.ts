import { Column } from './columns.ts'

/** History is everything that the clients of one run did and heard, by message index; the check reads it afterwards. */
export class History {
  readonly sender = new Column(new Uint32Array(0))
  /** When it was meant to be sent, on the generator's clock, in milliseconds. */
  readonly intendedAt = new Column(new Float64Array(0))
  /** When its ack or error came; 0 while neither has. */
  readonly settledAt = new Column(new Float64Array(0))
  /** Its place in the stored order, from its ack; 0 while there is none. */
  readonly order = new Column(new Float64Array(0))
  readonly hasFailed = new Column(new Uint8Array(0))
  /** Who heard which message, in the order of hearing. */
  readonly listener = new Column(new Uint32Array(0))
  readonly heard = new Column(new Uint32Array(0))
  /** The place that came with it; 0 where frames carry none that is exact. */
  readonly heardOrder = new Column(new Uint32Array(0))
  acked = 0
  failed = 0

  invoke(sender: number, intendedAt: number): number {
    this.sender.push(sender)
    this.intendedAt.push(intendedAt)
    this.settledAt.push(0)
    this.order.push(0)
    this.hasFailed.push(0)
    return this.sender.length - 1
  }

  ack(index: number, order: number, at: number): void {
    this.order.set(index, order)
    this.settledAt.set(index, at)
    this.acked++
  }

  fail(index: number, at: number): void {
    this.hasFailed.set(index, 1)
    this.settledAt.set(index, at)
    this.failed++
  }

  deliver(listener: number, index: number, order: number): void {
    this.listener.push(listener)
    this.heard.push(index)
    this.heardOrder.push(order)
  }
}
