import { TIMES } from '../protocol/limits.ts'
import { may } from './permissions.ts'
import type { Clock, Principal, Publisher, RoomState } from './ports.ts'

/** Typing is who types in one chat. It is told as a whole list, at most once a second, and never stored. */
export interface Typing {
  /** Counts only for somebody who may type here; `load` gives the state to look that up in. */
  set(principal: Principal, isTyping: boolean, load: () => Promise<RoomState | undefined>): void
  stop(userId: string): void
}

interface TypingPorts {
  readonly broadcast: Publisher
  readonly clock: Clock
}

export function createTyping(chatId: string, { broadcast, clock }: TypingPorts): Typing {
  /** User id to the moment at which the server forgets. */
  const typists = new Map<string, number>()
  /** Those of whom it is being looked up whether they may. */
  const doubtful = new Set<string>()
  let toldAt = Number.NEGATIVE_INFINITY
  let scheduled: { at: number; cancel: () => void } | undefined

  function tell(): void {
    scheduled = undefined
    const now = clock.now()
    for (const [userId, until] of typists) if (until <= now) typists.delete(userId)
    toldAt = now
    const signal = { type: 'typing', data: { chatId, userIds: [...typists.keys()] } }
    broadcast.publish(`chat:${chatId}`, { kind: 'signal', text: JSON.stringify(signal) })
    const expiry = Math.min(...typists.values())
    if (Number.isFinite(expiry)) schedule(expiry)
  }

  function schedule(wanted: number): void {
    const at = Math.max(wanted, toldAt + TIMES.typingInterval)
    if (scheduled && scheduled.at <= at) return
    scheduled?.cancel()
    scheduled = { at, cancel: clock.after(Math.max(at - clock.now(), 0), tell) }
  }

  function stop(userId: string): void {
    doubtful.delete(userId)
    if (typists.delete(userId)) schedule(clock.now())
  }

  return {
    stop,
    set(principal, isTyping, load) {
      const userId = principal.user.id
      if (!isTyping) return stop(userId)
      if (typists.has(userId)) {
        typists.set(userId, clock.now() + TIMES.typingExpiry)
        return
      }
      if (doubtful.has(userId)) return
      doubtful.add(userId)
      load().then(
        (state) => {
          if (!doubtful.delete(userId)) return
          const me = state?.participants.get(userId)
          if (!state || !me || state.isDeleted || state.isBlocked || !may(me.role, 'typing', state.chat.kind))
            return
          typists.set(userId, clock.now() + TIMES.typingExpiry)
          schedule(clock.now())
        },
        () => doubtful.delete(userId), // a signal may be dropped: the store is away
      )
    },
  }
}
