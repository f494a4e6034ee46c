import type { Pace } from './generator/load.ts'

export interface Scenario {
  readonly name: string
  readonly about: string
  readonly users: number
  readonly chatSize: number
  readonly pace: Pace
  /** So many of each chat stay when the others leave, who come back after a crash of the server, or all at once. */
  readonly staying?: number
  readonly returns?: 'after a crash' | 'at once'
}

const pairs = (users: number, pace: Pace) => ({ users, chatSize: 2, pace })
const tens = (users: number, pace: Pace) => ({ users, chatSize: 10, pace })
const closed = (inFlight: number): Pace => ({ kind: 'closed', inFlight })
const open = (perSecond: number): Pace => ({ kind: 'open', perSecond })

export const SCENARIOS: readonly Scenario[] = [
  { name: 'pairs-50', about: '1,000 users in chats of 2, 50 messages/s', ...pairs(1_000, open(50)) },
  { name: 'tens-50', about: '1,000 users in chats of 10, 50 messages/s', ...tens(1_000, open(50)) },
  {
    name: 'pairs-max',
    about: '200 connections in chats of 2, 1 send in flight each',
    ...pairs(200, closed(1)),
  },
  { name: 'pairs-max-8', about: 'the same with 8 sends in flight each', ...pairs(200, closed(8)) },
  {
    name: 'tens-max',
    about: '200 connections in chats of 10, 1 send in flight each',
    ...tens(200, closed(1)),
  },
  { name: 'tens-max-8', about: 'the same with 8 sends in flight each', ...tens(200, closed(8)) },
  {
    name: 'group-300',
    about: 'one group of 300, all of them sending, 1 in flight each',
    users: 300,
    chatSize: 300,
    pace: closed(1),
  },
  {
    name: 'group-50',
    about: 'one group of 50, all of them sending, 1 in flight each',
    users: 50,
    chatSize: 50,
    pace: closed(1),
  },
  {
    name: 'group-50-slow',
    about: 'the same at 50 messages/s',
    users: 50,
    chatSize: 50,
    pace: open(50),
  },
  { name: 'idle-5000', about: 'memory of 5,000 idle connections', ...pairs(5_000, { kind: 'idle' }) },
  {
    name: 'crash-1000',
    about: '200 messages/s, half of 1,000 clients leave, kill -9, start again: all come back and sync',
    ...pairs(1_000, open(200)),
    staying: 1,
    returns: 'after a crash',
  },
  {
    name: 'storm-10000',
    about: '2,000 clients in 1,000 chats at 50 messages/s; 10,000 others of these chats come back at once',
    users: 12_000,
    chatSize: 12,
    // Five of six are away and send nothing.
    pace: open(300),
    staying: 2,
    returns: 'at once',
  },
  {
    name: 'storm-hot',
    about: 'one group of 300: 2 stay and send 20 messages/s; the 298 others come back at once',
    users: 300,
    chatSize: 300,
    // After 10 s, each has missed 200.
    pace: { kind: 'open', perSecond: 20, by: 'who stays' },
    staying: 2,
    returns: 'at once',
  },
]
