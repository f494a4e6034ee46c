/** Latencies are durations in milliseconds, all of them kept, so that percentiles are exact. */
export class Latencies {
  readonly #values: number[] = []

  add(milliseconds: number): void {
    this.#values.push(milliseconds)
  }

  get count(): number {
    return this.#values.length
  }

  /** The smallest value that this share of all does not exceed; 0 when there are none. */
  percentiles<const S extends readonly number[]>(...shares: S): { [K in keyof S]: number } {
    const sorted = Float64Array.from(this.#values).sort()
    const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
    return shares.map(at) as { [K in keyof S]: number }
  }
}
