type Numbers = Uint8Array | Uint32Array | Float64Array

/** Column is a list of numbers that grows without an object per entry: a run records tens of millions. */
export class Column<T extends Numbers> {
  #values: T
  length = 0

  constructor(empty: T) {
    this.#values = empty
  }

  push(value: number): void {
    if (this.length === this.#values.length) this.#grow()
    this.#values[this.length++] = value
  }

  get(index: number): number {
    return this.#values[index] ?? 0
  }

  set(index: number, value: number): void {
    this.#values[index] = value
  }

  #grow(): void {
    const Longer = this.#values.constructor as new (length: number) => T
    const longer = new Longer(Math.max(1_024, this.#values.length * 2))
    longer.set(this.#values)
    this.#values = longer
  }
}
