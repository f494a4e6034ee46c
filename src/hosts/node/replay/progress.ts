import type { WriteStream } from 'node:tty'

const BAR = 30
/** Milliseconds between two pictures of the bar. */
const REDRAW = 100
/** Where no bar can be drawn, a line is printed for each tenth of a step, and not more often than this. */
const TENTH = 0.1
const REPRINT = 1_000

type Output = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean }

/** Progress shows how far a long command is: a bar on a terminal, plain lines elsewhere. */
export class Progress {
  readonly #output: Output
  #what = ''
  #total = 0
  #done = 0
  #begunAt = 0
  #shownAt = 0
  #shownShare = 0

  constructor(output: Output) {
    this.#output = output
  }

  say(line: string): void {
    this.#output.write(`${this.#output.isTTY ? '\r\x1b[K' : ''}${line}\n`)
  }

  /** Runs a step of so many parts, and shows when it is done. */
  async during<T>(what: string, total: number, run: () => Promise<T>): Promise<T> {
    this.#what = what
    this.#total = total
    this.#done = 0
    this.#begunAt = performance.now()
    this.#shownAt = this.#begunAt
    this.#shownShare = 0
    const result = await run()
    const seconds = (performance.now() - this.#begunAt) / 1_000
    this.say(`${what}: ${format(this.#done)} in ${seconds.toFixed(1)} s`)
    return result
  }

  /** A part of the step is done. */
  tick(): void {
    this.#done += 1
    if (this.#output.isTTY) this.#draw()
    else this.#print()
  }

  #draw(): void {
    const now = performance.now()
    if (now - this.#shownAt < REDRAW) return
    this.#shownAt = now
    const share = this.#total === 0 ? 1 : this.#done / this.#total
    const bar = '#'.repeat(Math.round(share * BAR)).padEnd(BAR, '.')
    this.#output.write(`\r\x1b[K[${bar}] ${this.#text(now)}`)
  }

  #print(): void {
    const now = performance.now()
    const share = this.#done / this.#total
    if (share < this.#shownShare + TENTH || share >= 1 || now - this.#shownAt < REPRINT) return
    this.#shownAt = now
    this.#shownShare = share
    this.#output.write(`  ${this.#text(now)}\n`)
  }

  #text(now: number): string {
    const rate = this.#done / Math.max(1, now - this.#begunAt)
    const left = Math.ceil((this.#total - this.#done) / rate / 1_000)
    const count = `${format(this.#done)} of ${format(this.#total)}`
    return `${this.#what}: ${count}, ${format(Math.round(rate * 1_000))}/s, ${left} s left`
  }
}

/** format writes a count for people: 20,000. */
export function format(count: number): string {
  return count.toLocaleString('en')
}
