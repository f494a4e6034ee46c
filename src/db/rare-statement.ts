import type { ChatEvent, ChatEventOf } from '../protocol/events.ts'
import type { ChatInfo, Participant } from '../protocol/model.ts'
import type { Turn } from '../rooms/ports.ts'
import type { NewJob } from '../workers/ports.ts'
import { type Statement, toJson } from './hot-statement.ts'
import { ADD_JOBS, JOB_COLUMNS, jobArrays, jobColumns } from './jobs.ts'

/** Takes a value in and answers its placeholder. */
type Param = (value: unknown) => string

/** Only these fields of a chat row are public. */
const CHAT_COLUMNS = {
  name: 'name',
  slug: 'slug',
  avatar_url: 'avatarUrl',
  owner_id: 'ownerId',
  subject: 'subject',
  status: 'status',
  assignee_id: 'assigneeId',
  history: 'history',
  is_open: 'isOpen',
} as const satisfies Record<string, keyof ChatInfo>

/**
 * rareStatement commits one turn of anything but messages and receipts, by the same fence as the hot statement and
 * in one round trip as well: the chat row first, and what hangs on it only if that was won. The parts of a statement
 * do not see each other's work, so a turn must not touch a row twice.
 */
export function rareStatement(turn: Turn, jobs: readonly NewJob[]): Statement {
  const values: unknown[] = []
  const param: Param = (value) => `$${values.push(value)}`
  const parts = [headOf(turn, param), ...turn.events.flatMap((event) => partsOf(event, turn, param))]
  const joined = turn.events.flatMap((event) =>
    event.type === 'participant:joined' ? [event.data.participant] : [],
  )
  if (joined.length > 0) parts.push(join(joined, param))
  if (jobs.length > 0) {
    const arrays = jobArrays(values.length + 1)
    values.push(...jobColumns(jobs))
    parts.push(`${ADD_JOBS} from head, unnest(${arrays}) as j(${JOB_COLUMNS})`)
  }
  const ctes = parts.map((part, index) => `${index === 0 ? 'head' : `part_${index}`} as (${part})`)
  return { text: `with ${ctes.join(',\n')}\nselect id from head`, values }
}

function headOf(turn: Turn, param: Param): string {
  const created = turn.events.find((event) => event.type === 'chat:created')
  if (created) return createHead(created, param)
  const sets = [`seq = ${param(turn.prevSeq + turn.events.length)}`]
  for (const event of turn.events) {
    if (event.type !== 'chat:updated' && event.type !== 'chat:deleted') continue
    sets.push(`changed_seq = ${param(event.seq)}`)
    if (event.type === 'chat:deleted') sets.push(`deleted_at = ${param(event.at)}`)
    else sets.push(...chatColumns(event.data.chat).map(([column, value]) => `${column} = ${param(value)}`))
  }
  return `update chats set ${sets.join(', ')} where id = (
    select id from chats where id = ${param(turn.chatId)} and seq = ${param(turn.prevSeq)} and deleted_at is null
    for no key update skip locked
  ) returning id`
}

function createHead({ seq, data: { chat } }: ChatEventOf<'chat:created'>, param: Param): string {
  const columns: [string, unknown][] = [
    ['id', chat.id],
    ['kind', chat.kind],
    ...chatColumns(chat),
    ['seq', seq],
    ['changed_seq', seq],
    ['created_at', chat.createdAt],
  ]
  return `insert into chats (${columns.map(([column]) => column).join(', ')})
    values (${columns.map(([, value]) => param(value)).join(', ')}) on conflict (id) do nothing returning id`
}

function chatColumns(chat: ChatInfo): [string, unknown][] {
  return Object.entries(CHAT_COLUMNS).map(([column, field]) => [column, chat[field]])
}

function partsOf(event: ChatEvent, turn: Turn, param: Param): string[] {
  switch (event.type) {
    case 'message:edited':
      return edit(event, param)
    case 'message:deleted':
      return tombstone(event, param)
    case 'reaction:added':
      return [react(event, param), touch(event, param)]
    case 'reaction:removed':
      return [unreact(event, param), touch(event, param)]
    case 'chat:created':
      return [join(event.data.participants, param)]
    case 'chat:updated':
      return event.data.participants.map((participant) =>
        updateParticipant({ participant, event, turn }, param),
      )
    case 'participant:updated':
      return [updateParticipant({ participant: event.data.participant, event, turn }, param)]
    case 'participant:left':
      return [
        `update chat_participants set left_seq = ${param(event.seq)}, changed_seq = ${param(event.seq)} from head
         where chat_id = head.id and user_id = ${param(event.data.userId)}`,
      ]
    case 'participant:joined':
    case 'chat:deleted':
      return []
    case 'message:new':
    case 'receipts':
      throw new Error(`${event.type} cannot share a turn with other changes`)
    default:
      return event satisfies never
  }
}

function edit({ data: { message }, at }: ChatEventOf<'message:edited'>, param: Param): string[] {
  const own = `m.chat_id = head.id and m.id = ${param(message.id)}`
  const seq = param(message.changedSeq)
  return [
    `insert into message_revisions (message_id, seq, content, formatting, at)
     select m.id, ${seq}, m.content, m.formatting, ${param(at)} from messages m join head on ${own}`,
    `update messages m set changed_seq = ${seq}, content = ${param(message.content)},
       formatting = ${param(toJson(message.formatting))}, edited_at = ${param(message.editedAt)}
     from head where ${own}`,
  ]
}

/** What a deletion leaves is the place of the message: its words go, former ones too. */
function tombstone({ seq, at, data }: ChatEventOf<'message:deleted'>, param: Param): string[] {
  const id = param(data.messageId)
  return [
    `update messages m set changed_seq = ${param(seq)}, deleted_at = ${param(at)}, content = '', formatting = null,
       metadata = null, mentions = null from head where m.chat_id = head.id and m.id = ${id}`,
    `delete from message_reactions using head where message_id = ${id}`,
    `delete from message_revisions using head where message_id = ${id}`,
  ]
}

/** An emoji that is there keeps its place among the emoji; the user comes last. */
function react({ seq, at, data }: ChatEventOf<'reaction:added'>, param: Param): string {
  const [id, emoji, number] = [param(data.messageId), param(data.emoji), param(seq)]
  return `insert into message_reactions (message_id, user_id, emoji, emoji_seq, seq, created_at)
    select ${id}, ${param(data.userId)}, ${emoji}, coalesce((
      select min(emoji_seq) from message_reactions where message_id = ${id} and emoji = ${emoji}
    ), ${number}), ${number}, ${param(at)} from head`
}

function unreact({ data }: ChatEventOf<'reaction:removed'>, param: Param): string {
  return `delete from message_reactions using head where message_id = ${param(data.messageId)}
    and user_id = ${param(data.userId)} and emoji = ${param(data.emoji)}`
}

function touch({ seq, data }: ChatEventOf<'reaction:added' | 'reaction:removed'>, param: Param): string {
  return `update messages m set changed_seq = ${param(seq)} from head
    where m.chat_id = head.id and m.id = ${param(data.messageId)}`
}

/** Takes users in, again or for the first time. Each row's last change is the one that it joined by. */
function join(participants: readonly Participant[], param: Param): string {
  const joinedSeqs = param(participants.map(({ joinedSeq }) => joinedSeq))
  return `insert into chat_participants
      (chat_id, user_id, role, joined_seq, read_seq, delivered_seq, changed_seq)
    select head.id, p.user_id, p.role, p.seq, p.seq, p.seq, p.seq from head, unnest(
      ${param(participants.map(({ userId }) => userId))}::uuid[],
      ${param(participants.map(({ role }) => role))}::text[], ${joinedSeqs}::bigint[]) as p(user_id, role, seq)
    on conflict (chat_id, user_id) do update set
      role = excluded.role, joined_seq = excluded.joined_seq, left_seq = null, read_at = null,
      read_seq = excluded.read_seq, delivered_seq = excluded.delivered_seq, changed_seq = excluded.changed_seq`
}

interface Updated {
  readonly participant: Participant
  readonly event: ChatEvent
  readonly turn: Turn
}

function updateParticipant({ participant, event, turn }: Updated, param: Param): string {
  const sets = [`role = ${param(participant.role)}`, `changed_seq = ${param(event.seq)}`]
  const mute = turn.mutes.find(({ userId }) => userId === participant.userId)
  if (mute) sets.push(`muted_until = ${param(mute.until)}`)
  return `update chat_participants set ${sets.join(', ')} from head
    where chat_id = head.id and user_id = ${param(participant.userId)}`
}
