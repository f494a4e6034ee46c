import type { Turn } from '../../src/rooms/ports.ts'
import type { Machine } from './world.ts'

/** What goes wrong while faults last; probabilities. */
export interface Faults {
  readonly drop: number
  readonly double: number
  /** Milliseconds that news may be late, beyond the usual. */
  readonly delay: number
  /** A commit's answer is lost, after it was done or before. */
  readonly unknown: number
}

/** Negative controls: each breaks one thing that the guarantees rest on, and the checker must then find a fault. */
export interface Sabotage {
  /** N1 the compare-and-set is dropped. */
  readonly noFence?: boolean
  /** N3 a number is taken before the id is looked up. */
  readonly numberFirst?: boolean
  /** N4 the answer goes out before the commit. */
  readonly ackFirst?: boolean
  /** N5 no heads: neither sent nor compared. */
  readonly noHeads?: boolean
  /** N6 what changed is told from the memory of an owner, who may have been frozen, or overtaken. */
  readonly fromMemory?: boolean
  /** N7 what changed is told by the time of the change. */
  readonly byTime?: boolean
  /** N9 who was removed goes on hearing. */
  readonly noMembership?: boolean
  /** An agent is given more sessions than he may have. */
  readonly noCapacity?: boolean
  /** The customer of a session takes part in its notes. */
  readonly openNotes?: boolean
}

/** How a simulation is set up, beside its seed. */
export interface Setup extends Sabotage {
  /** Commands go to the owner that the ring names; otherwise every instance decides for itself, and the fence sorts it out. */
  readonly isRouted?: boolean
  /** Told of each turn in the moment of its commit, which is when its jobs are stored. */
  readonly onCommitted?: (turn: Turn) => void
  /** Told of each turn that a machine knows to be committed. */
  readonly onKnown?: (turn: Turn, machine: Machine) => void
}

export const NO_FAULTS: Faults = { drop: 0, double: 0, delay: 0, unknown: 0 }
