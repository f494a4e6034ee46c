import { findViolations } from './check.ts'
import { createClassicClient } from './classic-client.ts'
import { toContent } from './frame-text.ts'
import { Histogram, type Percentiles } from './histogram.ts'
import { History } from './history.ts'
import type { LoadClient, LoadUser } from './load-client.ts'
import { createParleyClient } from './parley-client.ts'
import { judge, type Stored, type Verdict } from './verdict.ts'
import { createRandom, createTexts } from './words.ts'

/**
 * Closed: so many sends of each client are on their way at any time. Open: so many a second, whatever comes back, of
 * all who are there or of those who stay when the others leave.
 */
export type Pace =
  | { readonly kind: 'closed'; readonly inFlight: number }
  | { readonly kind: 'open'; readonly perSecond: number; readonly by?: 'who stays' }
  | { readonly kind: 'idle' }

export interface Plan {
  readonly speaks: 'parley' | 'classic'
  /** Chats follow each other: the first `chatSize` users are the first chat. */
  readonly users: readonly LoadUser[]
  readonly chatSize: number
  /** So many of each chat stay when the others leave; only what these hear is timed. All of them when left out. */
  readonly staying?: number
  readonly pace: Pace
  readonly seed: number
}

/** What became of a `connect`. */
export interface Arrival {
  /** Milliseconds from the call until each was connected and had all that it had missed. */
  readonly after: Percentiles
  /** Handshakes that did not get that far, and were tried again. */
  readonly failed: number
  /** Why, each reason once. */
  readonly faults: readonly string[]
}

/** What happened between two marks. */
export interface Interval {
  readonly seconds: number
  readonly acked: number
  readonly delivered: number
  /** Milliseconds from the intended time of sending. */
  readonly ack: Percentiles
  readonly delivery: Percentiles
}

const CLIENTS = { parley: createParleyClient, classic: createClassicClient }
/** Handshakes under way at once, unless they are to be a storm. */
const CONNECTING = 100
/** Handshakes begun in one pass of the event loop: the clients that are there go on being served. */
const CONNECTING_A_PASS = 50
const RETRY_AFTER = 50
/** How long all handshakes together may take, in milliseconds. */
const CONNECT = 60_000
/** How long what is on its way may take to arrive when the load has ended, in milliseconds. */
const DRAIN = 15_000
const VIOLATIONS_SHOWN = 5
/** Timers are late by up to a millisecond, so the last stretch is polled. */
const POLLED = 2

/** Load holds the clients of one run, sends at a pace, and keeps the history. */
export class Load {
  readonly #plan: Plan
  readonly #clients: LoadClient[]
  readonly #isReady: boolean[]
  /** Whether a client is one of those that stay. */
  readonly #stays: (number: number) => boolean
  readonly #history = new History()
  readonly #texts: string[]
  readonly #random
  #ports: readonly number[] = []
  #isRunning = false
  #isOver = false
  #waiting: number[] = []
  #connecting = 0
  #mostConnecting = CONNECTING
  #failedHandshakes = 0
  #whenReady: (() => void) | undefined
  #readyAfter = new Histogram()
  #connectedFrom = 0
  #marked = { at: 0, acked: 0, delivered: 0 }
  #ack = new Histogram()
  #delivery = new Histogram()
  /** Why connections ended or sends failed, each reason once. */
  readonly #faults = new Set<string>()

  constructor(plan: Plan) {
    this.#plan = plan
    this.#random = createRandom(plan.seed)
    this.#texts = createTexts(this.#random)
    this.#isReady = plan.users.map(() => false)
    const staying = plan.staying ?? plan.chatSize
    this.#stays = (number) => number % plan.chatSize < staying
    this.#clients = plan.users.map((user, number) => this.#createClient(user, number))
  }

  /** Connects everybody who is not, again and again where refused. */
  async connect(ports: readonly number[], atOnce = CONNECTING): Promise<Arrival> {
    this.#ports = ports
    this.#mostConnecting = atOnce
    this.#failedHandshakes = 0
    this.#readyAfter = new Histogram()
    this.#connectedFrom = performance.now()
    this.#waiting = this.#isReady.flatMap((isReady, number) => (isReady ? [] : [number])).reverse()
    if (this.#waiting.length > 0) {
      await new Promise<void>((resolve, reject) => {
        this.#whenReady = resolve
        this.#connectMore()
        const why = () => {
          const missing = this.#isReady.filter((isReady) => !isReady).length
          return new Error(`${missing} could not connect: ${[...this.#faults].join('; ')}`)
        }
        setTimeout(() => reject(why()), CONNECT).unref()
      })
    }
    const faults = [...this.#faults]
    // Refused while the server was starting, or ended with the one before: no faults of this one.
    this.#faults.clear()
    return { after: this.#readyAfter.percentiles(), failed: this.#failedHandshakes, faults }
  }

  start(): void {
    const { pace, users } = this.#plan
    this.#isRunning = true
    if (pace.kind === 'open') {
      const all = [...users.keys()]
      this.#sendOnTime(pace.perSecond, pace.by === 'who stays' ? all.filter(this.#stays) : all)
    }
    if (pace.kind !== 'closed') return
    for (let round = 0; round < pace.inFlight; round++) {
      for (const number of users.keys()) this.#send(number, performance.now())
    }
  }

  stop(): void {
    this.#isRunning = false
  }

  /** Answers what happened since the mark before, and begins anew. */
  mark(): Interval {
    const now = performance.now()
    const { acked } = this.#history
    const delivered = this.#history.heard.length
    const interval = {
      seconds: (now - this.#marked.at) / 1_000,
      acked: acked - this.#marked.acked,
      delivered: delivered - this.#marked.delivered,
      ack: this.#ack.percentiles(),
      delivery: this.#delivery.percentiles(),
    }
    this.#marked = { at: now, acked, delivered }
    this.#ack = new Histogram()
    this.#delivery = new Histogram()
    return interval
  }

  /** Those that do not stay are cut off, until the next `connect`. */
  leave(): void {
    for (const [number, client] of this.#clients.entries()) if (!this.#stays(number)) client.disconnect()
  }

  /** Waits until all that was acked has arrived everywhere, or the time for it is over. */
  async drain(): Promise<void> {
    this.stop()
    const deadline = performance.now() + DRAIN
    const others = this.#plan.chatSize - 1
    const isDone = () => {
      const { sender, acked, failed, heard } = this.#history
      return acked + failed === sender.length && heard.length >= acked * others
    }
    while (!isDone() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  /** Ends all connections and judges the run. */
  judge(stored: Stored): { verdict: Verdict; faults: string[] } {
    this.#isOver = true
    for (const client of this.#clients) client.disconnect()
    const verdict = judge(this.#history, stored, this.#plan.chatSize)
    const violations = this.#plan.speaks === 'parley' ? findViolations(this.#history, stored, this.#plan) : []
    const faults = [...this.#faults, ...violations.slice(0, VIOLATIONS_SHOWN)]
    return { verdict: { ...verdict, violations: violations.length }, faults }
  }

  #createClient(user: LoadUser, number: number): LoadClient {
    return CLIENTS[this.#plan.speaks](user, {
      ready: () => {
        this.#isReady[number] = true
        this.#readyAfter.add(performance.now() - this.#connectedFrom)
        this.#connecting--
        this.#connectMore()
      },
      acked: (index, order) => {
        const now = performance.now()
        this.#history.ack(index, order, now)
        this.#ack.add(now - this.#history.intendedAt.get(index))
        this.#sendNext(number)
      },
      failed: (index, why) => {
        this.#faults.add(why)
        if (index >= 0) this.#history.fail(index, performance.now())
        this.#sendNext(number)
      },
      delivered: (index, order) => {
        this.#history.deliver(number, index, order)
        if (this.#stays(number)) this.#delivery.add(performance.now() - this.#history.intendedAt.get(index))
      },
      closed: (why) => this.#closed(number, why),
    })
  }

  #connectMore(): void {
    for (let begun = 0; this.#connecting < this.#mostConnecting; begun += 1) {
      if (begun === CONNECTING_A_PASS) return void setImmediate(() => this.#connectMore())
      const number = this.#waiting.pop()
      if (number === undefined) break
      this.#connecting++
      this.#clients[number]?.connect(this.#ports[number % this.#ports.length] ?? 0)
    }
    if (this.#connecting === 0 && this.#waiting.length === 0) this.#whenReady?.()
  }

  #closed(number: number, why: string): void {
    if (this.#isOver) return
    if (this.#isReady[number]) {
      this.#isReady[number] = false
      if (why !== 'destroyed') this.#faults.add(why)
      return
    }
    // A server that is starting refuses; the client comes again.
    this.#failedHandshakes += 1
    this.#faults.add(why)
    setTimeout(() => {
      this.#connecting--
      this.#waiting.push(number)
      this.#connectMore()
    }, RETRY_AFTER)
  }

  #send(number: number, intendedAt: number): void {
    const index = this.#history.invoke(number, intendedAt)
    const words = this.#texts[index % this.#texts.length] ?? ''
    this.#clients[number]?.send(index, toContent(index, words))
  }

  #sendNext(number: number): void {
    if (this.#isRunning && this.#plan.pace.kind === 'closed') this.#send(number, performance.now())
  }

  /** Random times, as independent people send. A late send keeps its intended time, so waiting shows. */
  #sendOnTime(perSecond: number, senders: readonly number[]): void {
    const gap = () => (-Math.log(1 - this.#random()) * 1_000) / perSecond
    let next = performance.now() + gap()
    const run = () => {
      if (!this.#isRunning) return
      for (; next <= performance.now(); next += gap()) {
        const number = senders[Math.floor(this.#random() * senders.length)] ?? 0
        if (this.#isReady[number]) this.#send(number, next)
      }
      const left = next - performance.now()
      if (left > POLLED) setTimeout(run, left - POLLED)
      else setImmediate(run)
    }
    run()
  }
}
