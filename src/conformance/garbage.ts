import type { Random } from './random.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

const NASTY_TEXTS: [string, ...string[]] = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202e',
  '__proto__',
  'constructor',
  'null',
  '-1',
  '00000000-0000-0000-0000-000000000000',
  '../../etc/passwd',
  "'; drop table users; --",
  '<script>alert(1)</script>',
  '\r\nSet-Cookie: a=b',
  '%00',
  'x'.repeat(5_000),
]
const NASTY_NUMBERS: [number, ...number[]] = [0, -1, 1.5, 1e308, -1e308, 2 ** 53, 2 ** 31, 5e-324]
const DEEPEST = 4

/** Garbage makes input that nobody should send, the same for the same seed. */
export class Garbage {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  value(depth = 0): Json {
    const random = this.#random
    const kinds = depth < DEEPEST ? 7 : 5
    switch (random.below(kinds)) {
      case 0:
        return null
      case 1:
        return random.chance(0.5)
      case 2:
        return random.pick(NASTY_NUMBERS)
      case 3:
        return random.pick(NASTY_TEXTS)
      case 4:
        return this.#noise()
      case 5:
        return Array.from({ length: random.below(4) }, () => this.value(depth + 1))
      default:
        return this.#object(depth)
    }
  }

  /** The value with one to three things about it wrong. */
  spoil(value: unknown): unknown {
    let spoilt = structuredClone(value)
    for (let faults = 1 + this.#random.below(3); faults > 0; faults -= 1) spoilt = this.#spoilOnce(spoilt)
    return spoilt
  }

  /** JSON text, cut or with a character of it changed. */
  breakText(text: string): string {
    const at = this.#random.below(Math.max(1, text.length))
    if (this.#random.chance(0.5)) return text.slice(0, at)
    return (
      text.slice(0, at) +
      this.#random.pick(['"', '{', '}', '\\', '\u0001', ',', '\ud800']) +
      text.slice(at + 1)
    )
  }

  #spoilOnce(value: unknown): unknown {
    const random = this.#random
    const isInside = typeof value === 'object' && value !== null && random.chance(0.85)
    if (!isInside) return this.value()
    if (Array.isArray(value)) {
      if (value.length === 0) return [this.value()]
      const at = random.below(value.length)
      return value.map((item, index) => (index === at ? this.#spoilOnce(item) : item))
    }
    const entries = Object.entries(value)
    const [key] = entries[random.below(Math.max(1, entries.length))] ?? ['']
    if (random.chance(0.2)) return Object.fromEntries(entries.filter(([name]) => name !== key))
    if (random.chance(0.2)) return Object.fromEntries([...entries, [random.pick(NASTY_TEXTS), this.value()]])
    return Object.fromEntries(entries.map(([name, it]) => [name, name === key ? this.#spoilOnce(it) : it]))
  }

  #object(depth: number): Json {
    const entries = Array.from({ length: this.#random.below(4) }, (): [string, Json] => [
      this.#random.pick(NASTY_TEXTS),
      this.value(depth + 1),
    ])
    return Object.fromEntries(entries)
  }

  #noise(): string {
    const codes = Array.from({ length: this.#random.below(20) }, () => this.#random.below(0x10000))
    return String.fromCharCode(...codes)
  }
}
