/** Edit puts another text in the place of one that stands exactly once in a file of `src`. */
interface Edit {
  readonly file: string
  readonly text: string
  readonly replacement: string
}

const HOT_STATEMENT = 'db/hot-statement.ts'

/**
 * EDITS is how each negative control breaks one thing that a promise rests on, by number. The product has no switch
 * for it: its source is changed while it is loaded, in the instances of one run alone.
 */
export const EDITS: Readonly<Record<string, readonly Edit[]>> = {
  /** The compare-and-set is dropped. */
  N1: [
    {
      file: HOT_STATEMENT,
      text: 'where id = t.chat_id and seq = t.prev_seq and deleted_at is null',
      replacement: 'where id = t.chat_id and deleted_at is null',
    },
  ],
  /** Commits do not wait for the disk. */
  N2: [
    {
      file: 'db/connect.ts',
      text: "['jit', 'off'],\n]",
      replacement: "['jit', 'off'],\n  ['synchronous_commit', 'off'],\n]",
    },
  ],
  /** A number is taken whether or not the id is known. */
  N3: [
    {
      file: HOT_STATEMENT,
      text: '  where t.chat_id not in (select chat_id from replayed)`',
      replacement: '  where true`',
    },
    {
      file: HOT_STATEMENT,
      text: '  from sends s join head on head.id = s.chat_id\n',
      replacement: '  from sends s join head on head.id = s.chat_id on conflict (id) do nothing\n',
    },
  ],
  /** The ack goes out before the commit, but for a new chat, which would not be found. */
  N4: [
    {
      file: 'rooms/actor.ts',
      text: '    const result = plan.turn.events.length === 0',
      replacement:
        '    if (plan.turn.prevSeq > 0) this.#finish(waiting, plan)\n    const result = plan.turn.events.length === 0',
    },
    {
      file: 'rooms/actor.ts',
      text: "if (result.status === 'committed') this.#finish(waiting, plan)",
      replacement:
        "if (result.status === 'committed' && plan.turn.prevSeq === 0) this.#finish(waiting, plan)",
    },
  ],
  /** Heads are neither told nor compared. */
  N5: [
    {
      file: 'gateway/heartbeat.ts',
      text: 'if (!isImpaired && !wasImpaired) return LOOK',
      replacement: 'return LOOK',
    },
    {
      file: 'gateway/heartbeat.ts',
      text: 'if (due.length > 0) beat(',
      replacement: 'if (due.length > Number.MAX_VALUE) beat(',
    },
  ],
  /** Who resumes is told what this instance has heard itself: after a freeze, what it remembers. */
  N6: [
    {
      file: 'gateway/act.ts',
      text: 'const [logId, heads] = await Promise.all([changes.logId(), changes.listHeads([user.id])])',
      replacement: `const logId = await changes.logId()
        const heads = [...user.chats.values()].map(({ chatId, head }) => ({ chatId, seq: head }))`,
    },
    {
      file: 'gateway/act.ts',
      text: '.filter(([chatId, seq]) => stored.get(chatId) !== seq)',
      replacement: '.filter(([chatId, seq]) => (stored.get(chatId) ?? 0) > seq)',
    },
  ],
  /** What changed is told by its time. */
  N7: [
    {
      file: 'db/queries/changes.ts',
      text: 'r.chat_id and seq > r.since',
      replacement: `r.chat_id and created_at > coalesce((
        select created_at from messages
        where chat_id = r.chat_id and seq <= r.since order by seq desc limit 1), '-infinity')`,
    },
  ],
  /** Jobs are kept in memory until they are due, and stored after that. */
  N8: [
    {
      file: 'db/commit.ts',
      text: 'lane.push({ turn, jobs: outbox(turn), settle }))',
      replacement: `{
        for (const job of outbox(turn)) setTimeout(() => void db.pool.query(
          'insert into jobs (id, kind, payload, run_at) values (gen_random_uuid(), $1, $2, now())',
          [job.kind, job.payload]).catch(() => {}), job.delay)
        lane.push({ turn, jobs: [], settle })
      })`,
    },
  ],
  /** Whoever was removed goes on hearing. */
  N9: [
    {
      file: 'gateway/audience.ts',
      text: "if (left === user.id || left === 'everybody') detach(user, feed)",
      replacement: '',
    },
  ],
  /** A reader may be as slow as he likes. */
  N10: [
    {
      file: 'hosts/node/socket.ts',
      text: `isSlow: () =>
      net.writableLength > LIMITS.queuedBytes ||
      (queuedFrames > LIMITS.queuedFrames && net.writableNeedDrain),`,
      replacement: 'isSlow: () => false,',
    },
  ],
}

/** edited is the source of a file of `src` under a control. Throws when the control has gone stale. */
export function edited(control: string, file: string, source: string): string {
  let text = source
  for (const edit of EDITS[control] ?? []) {
    if (edit.file !== file) continue
    const times = text.split(edit.text).length - 1
    if (times !== 1) throw new Error(`${control} is stale: ${file} has its text ${times} times`)
    text = text.replace(edit.text, () => edit.replacement)
  }
  return text
}
