import type { Account } from './account.ts'
import { pauseAfter } from './backoff.ts'
import type { Missing } from './chat-state.ts'
import { toParleyError } from './error.ts'
import type { ChatReader, Edges } from './ports.ts'

/** What is missing may be on its way: a hole is read this long after it was seen, and up to as long again. */
const HOLE_PAUSE = 250
/** Reads at the same time, so that a client with many chats does not spend its rate limit at once. */
const READS_MOST = 4

export interface RepairPorts extends Edges {
  readonly account: Account
  readonly reader: ChatReader
}

/**
 * Repair reads over REST what a chat lacks: the changes of a hole or of a tail that a head has shown, one's own
 * membership when it is in doubt, or the chat afresh. It goes on until nothing is missing.
 */
export interface Repair {
  /** The chat has changed: looks whether something is missing. */
  check(chatId: string): void
  /** There is a live connection: what is missing will not come by itself. */
  start(): void
  stop(): void
}

interface Case {
  failures: number
  cancel: () => void
}

export function createRepair({ clock, random, account, reader }: RepairPorts): Repair {
  const cases = new Map<string, Case>()
  const ready: string[] = []
  let reading = 0
  let isLive = false

  function check(chatId: string): void {
    if (!isLive || cases.has(chatId)) return
    const missing = account.findMissing(chatId)
    if (!missing) return
    cases.set(chatId, { failures: 0, cancel: () => {} })
    wait(chatId, missing.read === 'chat' ? 0 : HOLE_PAUSE * (1 + random()))
  }

  function wait(chatId: string, milliseconds: number): void {
    const it = cases.get(chatId)
    if (!it) return
    it.cancel = clock.after(milliseconds, () => {
      ready.push(chatId)
      pump()
    })
  }

  function pump(): void {
    while (reading < READS_MOST) {
      const chatId = ready.shift()
      if (chatId === undefined) return
      const it = cases.get(chatId)
      if (it) void read(chatId, it)
    }
  }

  async function read(chatId: string, it: Case): Promise<void> {
    const missing = account.findMissing(chatId)
    if (!missing) {
      cases.delete(chatId)
      return
    }
    reading += 1
    let pause = 0
    try {
      await fetch(chatId, missing, () => cases.get(chatId) === it)
      it.failures = isSame(missing, account.findMissing(chatId)) ? it.failures + 1 : 0
      if (it.failures > 0) pause = HOLE_PAUSE * (1 + random()) * it.failures
    } catch (thrown) {
      it.failures += 1
      pause = pauseAfter(toParleyError(thrown), it.failures, random)
    }
    reading -= 1
    pump()
    if (cases.get(chatId) !== it) return
    if (account.findMissing(chatId)) wait(chatId, pause)
    else cases.delete(chatId)
  }

  /** What comes back after the connection was lost, and perhaps another history begun, is not taken. */
  async function fetch(chatId: string, missing: Missing, isWanted: () => boolean): Promise<void> {
    try {
      if (missing.read === 'chat') {
        const chat = await reader.getChat(chatId)
        if (isWanted()) account.take(chatId, { type: 'snapshot', chat })
      } else {
        const changes = await reader.getChanges(chatId, missing.since)
        if (!isWanted()) return
        if (changes.reset) account.take(chatId, { type: 'reset', head: changes.head })
        else account.take(chatId, { type: 'changes', changes })
        account.take(chatId, { type: 'head', seq: changes.head })
      }
    } catch (thrown) {
      if (toParleyError(thrown).code !== 'NOT_FOUND') throw thrown
      if (!isWanted()) return
      account.take(chatId, { type: 'gone' })
      account.forget(chatId)
    }
  }

  return {
    check,
    start() {
      isLive = true
      for (const chatId of [...account.chats.keys(), ...account.strangers]) check(chatId)
    },
    stop() {
      isLive = false
      for (const { cancel } of cases.values()) cancel()
      cases.clear()
      ready.length = 0
    },
  }
}

function isSame(before: Missing, after: Missing | undefined): boolean {
  return JSON.stringify(before) === JSON.stringify(after)
}
