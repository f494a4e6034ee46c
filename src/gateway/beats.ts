import { TIMES } from '../protocol/limits.ts'

/** Beats is when a connection had its heartbeats. Plain data. */
export interface Beats {
  /** Of the last heartbeat, or of when it would have been: the next one is 25 s later. */
  readonly heartbeatAt: number
  /** What changed after this has yet to be told. */
  readonly toldAt: number
  /** When its login was looked at last. */
  readonly checkedAt: number
}

export function firstBeats(now: number, early: number): Beats {
  return { heartbeatAt: now - early, toldAt: now, checkedAt: now - early }
}

/** When the next heartbeat is due. */
export function nextBeatAt({ heartbeatAt }: Beats): number {
  return heartbeatAt + TIMES.heartbeat
}

/**
 * takeBeat answers the beats after a heartbeat that is due, and whether the login is to be looked at with it: where that
 * could not wait for the next one. Undefined while none is due. However late it is, the next one keeps to every 25 s.
 */
export function takeBeat(beats: Beats, now: number): { beats: Beats; isCheckDue: boolean } | undefined {
  const late = now - nextBeatAt(beats)
  if (late < 0) return undefined
  const heartbeatAt = now - (late % TIMES.heartbeat)
  const isCheckDue = heartbeatAt + TIMES.heartbeat > beats.checkedAt + TIMES.principalCheck
  return { beats: { ...beats, heartbeatAt, ...(isCheckDue && { checkedAt: heartbeatAt }) }, isCheckDue }
}
