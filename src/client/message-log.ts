import type { Message } from '../protocol/model.ts'

/** What was dropped from the front is copied away once it is this much and more than what is kept. */
const COMPACT_AT = 64

/**
 * MessageLog is a run of messages by seq, oldest first. It never changes: a change gives another log.
 * Appending and dropping old ones take constant time, since a log and the one it grew from share an array of which
 * each sees its own part; any other change copies.
 */
export class MessageLog implements Iterable<Message> {
  readonly #rows: Message[]
  readonly #start: number
  readonly #end: number

  private constructor(rows: Message[], start: number, end: number) {
    this.#rows = rows
    this.#start = start
    this.#end = end
  }

  static of(messages: readonly Message[]): MessageLog {
    const rows = [...messages].sort((a, b) => a.seq - b.seq)
    return new MessageLog(rows, 0, rows.length)
  }

  get length(): number {
    return this.#end - this.#start
  }

  /** As of an array: -1 is the newest. */
  at(index: number): Message | undefined {
    if (index >= this.length || index < -this.length) return undefined
    return this.#rows[index < 0 ? this.#end + index : this.#start + index]
  }

  *[Symbol.iterator](): Iterator<Message> {
    for (let index = this.#start; index < this.#end; index += 1) {
      const message = this.#rows[index]
      if (message) yield message
    }
  }

  toArray(): Message[] {
    return this.#rows.slice(this.#start, this.#end)
  }

  find(seq: number): Message | undefined {
    const message = this.#rows[this.#placeOf(seq)]
    return message?.seq === seq ? message : undefined
  }

  /** Looks from the newest back, since what changes is mostly new. */
  findById(id: string): Message | undefined {
    for (let index = this.#end - 1; index >= this.#start; index -= 1) {
      if (this.#rows[index]?.id === id) return this.#rows[index]
    }
    return undefined
  }

  /** Those after a seq, oldest first; takes time by their number alone. */
  after(seq: number): Message[] {
    let start = this.#end
    while (start > this.#start && (this.#rows[start - 1]?.seq ?? 0) > seq) start -= 1
    return this.#rows.slice(start, this.#end)
  }

  /** Puts a message in its place; one of the same seq is replaced. */
  put(message: Message): MessageLog {
    const place = this.#placeOf(message.seq)
    if (place === this.#end && this.#end === this.#rows.length) {
      this.#rows.push(message)
      return new MessageLog(this.#rows, this.#start, this.#end + 1)
    }
    const rows = this.toArray()
    const isKnown = place < this.#end && this.#rows[place]?.seq === message.seq
    rows.splice(place - this.#start, isKnown ? 1 : 0, message)
    return new MessageLog(rows, 0, rows.length)
  }

  /** Adds older messages; those that are not older than the oldest are left out. */
  prepend(older: readonly Message[]): MessageLog {
    const oldest = this.at(0)?.seq ?? Number.POSITIVE_INFINITY
    return MessageLog.of([...older.filter(({ seq }) => seq < oldest), ...this.toArray()])
  }

  /** The newest ones only. */
  keep(most: number): MessageLog {
    if (this.length <= most) return this
    const start = this.#end - most
    if (start < COMPACT_AT || start < most) return new MessageLog(this.#rows, start, this.#end)
    const rows = this.#rows.slice(start, this.#end)
    return new MessageLog(rows, 0, rows.length)
  }

  /** The index of the first row whose seq is not below the given one; the newest are tried first. */
  #placeOf(seq: number): number {
    if (seq > (this.at(-1)?.seq ?? -1)) return this.#end
    let low = this.#start
    let high = this.#end
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#rows[middle]?.seq ?? 0) < seq) low = middle + 1
      else high = middle
    }
    return low
  }
}
