/** Buckets per doubling: a reading is off by 1 % at most. */
const PER_DOUBLING = 64
/** From a microsecond to 2^27 us, which is two minutes. */
const DOUBLINGS = 27

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly most: number
}

/** Histogram counts durations in milliseconds, in buckets that widen with the value. */
export class Histogram {
  readonly #counts = new Uint32Array(PER_DOUBLING * DOUBLINGS)
  #most = 0
  count = 0

  add(milliseconds: number): void {
    const bucket = Math.log2(Math.max(1, milliseconds * 1_000)) * PER_DOUBLING
    const index = Math.min(this.#counts.length - 1, Math.floor(bucket))
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.count++
    if (milliseconds > this.#most) this.#most = milliseconds
  }

  percentiles(): Percentiles {
    return { p50: this.#at(0.5), p95: this.#at(0.95), p99: this.#at(0.99), most: this.#most }
  }

  #at(share: number): number {
    let left = Math.ceil(this.count * share)
    for (let index = 0; index < this.#counts.length; index++) {
      left -= this.#counts[index] ?? 0
      if (left <= 0) return this.count === 0 ? 0 : 2 ** ((index + 0.5) / PER_DOUBLING) / 1_000
    }
    return this.#most
  }
}
