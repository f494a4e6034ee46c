import type { History } from './history.ts'

/** What the database holds when a run has ended, chat by chat in stored order. */
export interface Stored {
  readonly index: Uint32Array
  readonly order: Float64Array
  /** Which chat of the run, from 0. */
  readonly chat: Uint32Array
  /** By chat: the number of its last change, where the server keeps one. */
  readonly heads: readonly number[]
}

/** Verdict counts what should not be. All but `unknown` and `failed` must be 0. */
export interface Verdict {
  readonly sent: number
  readonly acked: number
  readonly failed: number
  /** Neither acked nor failed when the run ended. */
  readonly unknown: number
  /** Acked and not in the database, or at another place than the ack said. */
  readonly notStored: number
  /** In the database more than once. */
  readonly storedTwice: number
  /** Acked, but one of the others in the chat never heard it. */
  readonly lost: number
  /** Heard more than once by the same client, or by one who is not in the chat. */
  readonly doubled: number
  /** Heard after a message that is stored behind it. */
  readonly outOfOrder: number
  /** What the checker of the conformance suite finds in the same history; it reads Parley's only. */
  readonly violations: number
}

/** judge compares what clients were told with what they heard and with what is stored. User u is in chat u / size, rounded down. */
export function judge(history: History, stored: Stored, chatSize: number): Omit<Verdict, 'violations'> {
  const sent = history.sender.length
  return {
    sent,
    acked: history.acked,
    failed: history.failed,
    unknown: sent - history.acked - history.failed,
    ...judgeStored(history, stored),
    ...judgeHeard(history, chatSize),
    outOfOrder: countOutOfOrder(history),
  }
}

function judgeStored(history: History, { index, order }: Stored) {
  const places = new Map<number, number>()
  let storedTwice = 0
  index.forEach((message, row) => {
    if (places.has(message)) storedTwice++
    places.set(message, order[row] ?? 0)
  })
  let notStored = 0
  for (let message = 0; message < history.order.length; message++) {
    const acked = history.order.get(message)
    if (acked !== 0 && places.get(message) !== acked) notStored++
  }
  return { notStored, storedTwice }
}

function judgeHeard(history: History, chatSize: number) {
  const times = new Uint8Array(history.sender.length * chatSize)
  let doubled = 0
  for (let row = 0; row < history.heard.length; row++) {
    const message = history.heard.get(row)
    const listener = history.listener.get(row)
    const place = message * chatSize + (listener % chatSize)
    const isStray = Math.floor(listener / chatSize) !== Math.floor(history.sender.get(message) / chatSize)
    if (isStray || (times[place] ?? 0) > 0) doubled++
    times[place] = 1
  }
  let lost = 0
  for (let message = 0; message < history.sender.length; message++) {
    if (history.order.get(message) === 0) continue
    for (let member = 0; member < chatSize; member++) {
      const isSender = member === history.sender.get(message) % chatSize
      if (!isSender && times[message * chatSize + member] === 0) lost++
    }
  }
  return { lost, doubled }
}

/** A user is in one chat, so what one listener hears has one order. Without an ack there is no place to compare. */
function countOutOfOrder(history: History): number {
  const latest = new Map<number, number>()
  let count = 0
  for (let row = 0; row < history.heard.length; row++) {
    const order = history.heardOrder.get(row) || history.order.get(history.heard.get(row))
    if (order === 0) continue
    const listener = history.listener.get(row)
    const before = latest.get(listener) ?? 0
    if (order < before) count++
    else latest.set(listener, order)
  }
  return count
}
