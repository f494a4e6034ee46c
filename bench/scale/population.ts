import type { Random } from '../generator/words.ts'

export const KINDS = ['direct', 'session', 'group'] as const

/** Population is who takes part in what: the members of chat c are `members[starts[c]]` up to `members[starts[c + 1]]`. */
export interface Population {
  readonly users: number
  readonly chats: number
  /** Of each chat, as an index of KINDS. */
  readonly kinds: Uint8Array
  readonly starts: Uint32Array
  /** Numbers of users, from 0. */
  readonly members: Uint32Array
}

/**
 * Chats for each user, and what they are. The first is the sizing that the service was asked for (up to 100,000 users
 * and 500,000 chats); the shares are an assumption: most chats of any messenger are of two.
 */
const CHATS_PER_USER = 5
const SHARES = { direct: 0.6, session: 0.25, group: 0.15 }
/** Of a session, one is the customer, and the other one of these: a professional with many sessions. */
const PROFESSIONALS = 0.05
/**
 * How many people write in one topic of a real team chat, of the topics with three or more: the share of them that has
 * at most so many (9,466 topics, 190,233 messages over eight years).
 */
const GROUP_SIZES = [
  ...[
    [0.351, 3],
    [0.611, 4],
    [0.771, 5],
    [0.857, 6],
    [0.913, 7],
    [0.945, 8],
    [0.962, 9],
    [0.974, 10],
  ],
  ...[
    [0.9875, 12],
    [0.9944, 15],
    [0.9978, 20],
    [0.9994, 30],
    [0.9999, 50],
    [1, 143],
  ],
] as const

/** createPopulation draws chats of random people, the same for the same numbers. */
export function createPopulation(users: number, random: Random): Population {
  const chats = users * CHATS_PER_USER
  const kinds = new Uint8Array(chats)
  const starts = new Uint32Array(chats + 1)
  const members: number[] = []
  for (let chat = 0; chat < chats; chat += 1) {
    const share = random()
    const kind = share < SHARES.direct ? 0 : share < SHARES.direct + SHARES.session ? 1 : 2
    kinds[chat] = kind
    const size = kind === 2 ? groupSize(random()) : 2
    const first = members.length
    if (kind === 1) members.push(Math.floor(random() * Math.max(1, users * PROFESSIONALS)))
    while (members.length < first + Math.min(size, users)) {
      const user = Math.floor(random() * users)
      if (!members.includes(user, first)) members.push(user)
    }
    starts[chat + 1] = members.length
  }
  return { users, chats, kinds, starts, members: Uint32Array.from(members) }
}

/** Evenly among the sizes of one line of the table. */
function groupSize(share: number): number {
  let [low, least] = [0, 2]
  for (const [high, most] of GROUP_SIZES) {
    if (share < high) return least + Math.ceil(((share - low) / (high - low)) * (most - least)) || most
    low = high
    least = most
  }
  return least
}
