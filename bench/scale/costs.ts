/**
 * What single things cost, in microseconds of processor time unless said otherwise, on a machine of 2 cores that all
 * of this shared: `node bench/scale-costs.ts`, `node bench/commit.ts --rooms 1` (2, 8, 50, 200) and
 * `node bench/scale-check.ts`. Change them to your machine's.
 */
export const COSTS = {
  redis: {
    /** One at a time, each a system call of its own, and a hundred together: a real load lies between. */
    publish: { alone: 17, together: 1 },
    push: { alone: 5.3, together: 0.8 },
    /** Bytes of memory for each instance that hears a channel. */
    subscription: 251,
  },
  postgres: {
    /** A commit of b turns is `statement + b * turn`: 227, 226, 360, 1,067 and 3,430 at 1, 2, 8, 48.5 and 181. */
    statement: 210,
    turn: 17.8,
    headRow: 2.7,
    logId: 38,
    login: 38,
    /**
     * A client that comes back alone: its login, twice the name of the history, profile, three times its heads, and all
     * changes of its chats. Counted in a storm of small chats, it was 950 (docs/decisions/0010-resumes-share-one-read.md).
     */
    reconnect: 38 + 2 * 38 + 85 + 3 * 70 + 810,
  },
  /** Milliseconds until a commit of b turns is done: `commit + b * turn`. */
  latency: { commit: 1.85, turn: 0.107 },
  instance: {
    /** To score one instance for one chat. */
    score: 0.01,
    /** To take note of one heartbeat. */
    heartbeat: 0.04,
    /**
     * For each text that goes over the bus or comes from it, with all that belongs to it: socket, room, commit. When
     * much goes together (143 us a message of 5 texts, at 7,600 a second), and when little does (96 to 112, at 300).
     */
    text: { together: 29, alone: 100 },
  },
} as const
