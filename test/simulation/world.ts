import type { Clock } from '../../src/rooms/ports.ts'

/** Random is a seeded source of numbers in [0, 1) (mulberry32, public domain, by Tommy Ettinger). */
export type Random = () => number

function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Machine is something that can crash or freeze: what is due to it is dropped then, or waits. */
export interface Machine {
  readonly name: string
  isAlive: boolean
  frozenUntil: number
  /** How far its wall clock is off. */
  readonly skew: number
}

interface Due {
  readonly at: number
  readonly order: number
  readonly machine: Machine
  readonly run: () => void
  isCancelled: boolean
}

/** World is the one scheduler: everything that takes time in a simulation is due at a moment of it, on a machine. */
export class World {
  now = Date.parse('2026-01-01T00:00:00Z')
  readonly random: Random
  #order = 0
  #due: Due[] = []

  constructor(seed: number) {
    this.random = createRandom(seed)
  }

  machine(name: string, skew = 0): Machine {
    return { name, isAlive: true, frozenUntil: 0, skew }
  }

  /** Runs on the machine after so many milliseconds, if it lives then. The result cancels. */
  after(machine: Machine, milliseconds: number, run: () => void): () => void {
    this.#order += 1
    const due = {
      at: this.now + Math.max(milliseconds, 0),
      order: this.#order,
      machine,
      run,
      isCancelled: false,
    }
    push(this.#due, due)
    return () => {
      due.isCancelled = true
    }
  }

  clock(machine: Machine): Clock {
    return {
      now: () => this.now + machine.skew,
      after: (milliseconds, run) => this.after(machine, milliseconds, run),
    }
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  between(least: number, most: number): number {
    return least + this.random() * (most - least)
  }

  pick<T>(all: readonly T[]): T {
    const one = all[Math.floor(this.random() * all.length)]
    if (one === undefined) throw new Error('Nothing to pick from')
    return one
  }

  /** A UUIDv7 of this world's time and chance. */
  uuid(): string {
    const hex = (digits: number) =>
      Array.from({ length: digits }, () => Math.floor(this.random() * 16).toString(16)).join('')
    const time = Math.floor(this.now).toString(16).padStart(12, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-8${hex(3)}-${hex(12)}`
  }

  /** Lets everything happen that is due in the next so many milliseconds. */
  async run(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds
    for (let next = this.#due[0]; next && next.at <= end; next = this.#due[0]) {
      pop(this.#due)
      this.now = Math.max(this.now, next.at)
      if (next.isCancelled || !next.machine.isAlive) continue
      if (next.machine.frozenUntil > this.now) {
        push(this.#due, { ...next, at: next.machine.frozenUntil })
        continue
      }
      next.run()
      // Promises settle before anything else is due.
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.now = end
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** A binary heap, because a simulation has tens of thousands of things due. */
function push(heap: Due[], due: Due): void {
  let at = heap.length
  heap.push(due)
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above] as Due
    if (!isBefore(due, parent)) break
    heap[at] = parent
    at = above
  }
  heap[at] = due
}

function pop(heap: Due[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    let below = 2 * at + 1
    if (below >= heap.length) break
    if (below + 1 < heap.length && isBefore(heap[below + 1] as Due, heap[below] as Due)) below += 1
    if (!isBefore(heap[below] as Due, last)) break
    heap[at] = heap[below] as Due
    at = below
  }
  heap[at] = last
}
