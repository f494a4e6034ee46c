import type { ChatEvent, ChatEventOf } from '../protocol/events.ts'
import type { ChatInfo, Participant, SessionInfo } from '../protocol/model.ts'
import type { Turn } from '../rooms/ports.ts'
import type { NewJob } from '../workers/ports.ts'
import { type Statement, toJson } from './hot-statement.ts'
import { ADD_JOBS, JOB_COLUMNS, jobArrays, jobColumns } from './jobs.ts'
import { audit, desks, isSeated, seats } from './session-parts.ts'

/** Takes a value in and answers its placeholder. */
export type Param = (value: unknown) => string

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
  parent_id: 'parentId',
} as const satisfies Record<string, keyof ChatInfo>

const SESSION_COLUMNS = {
  external_id: 'externalId',
  team: 'team',
  queued_at: 'queuedAt',
  closed_at: 'closedAt',
  close_reason: 'closeReason',
} as const satisfies Record<string, keyof SessionInfo>

/**
 * rareStatement commits one turn of anything but messages and receipts, by the same fence as the hot statement and
 * in one round trip as well: the chat row first, and what hangs on it only if that was won. The parts of a statement
 * do not see each other's work, so a turn must not touch a row twice.
 */
export function rareStatement(turn: Turn, jobs: readonly NewJob[]): Statement {
  const values: unknown[] = []
  const param: Param = (value) => `$${values.push(value)}`
  const seating = turn.seats ? [`desks as materialized (${desks(turn, turn.seats, param)})`] : []
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
  if (turn.seats) parts.push(seats(turn, turn.seats, param))
  parts.push(...audit(turn, param))
  const ctes = [
    ...seating,
    ...parts.map((part, index) => `${index === 0 ? 'head' : `part_${index}`} as (${part})`),
  ]
  return { text: `with ${ctes.join(',\n')}\nselect id from head`, values }
}

function headOf(turn: Turn, param: Param): string {
  const created = turn.events.find((event) => event.type === 'chat:created')
  if (created) return createHead(created, turn, param)
  const sets = [`seq = ${param(turn.prevSeq + turn.events.length)}`]
  for (const event of turn.events) {
    if (event.type === 'message:new') sets.push(...assign(lastMessage(event), param))
    if (event.type !== 'chat:deleted' && !isOfChat(event)) continue
    sets.push(`changed_seq = ${param(event.seq)}`)
    if (event.type === 'chat:deleted') sets.push(`deleted_at = ${param(event.at)}`)
    else sets.push(...assign(chatColumns(event.data.chat), param))
  }
  return `update chats set ${sets.join(', ')} where id = (
    select id from chats where id = ${param(turn.chatId)} and seq = ${param(turn.prevSeq)} and deleted_at is null
    for no key update skip locked
  )${turn.seats ? ` and ${isSeated(turn.seats)}` : ''} returning id`
}

function createHead({ seq, data: { chat } }: ChatEventOf<'chat:created'>, turn: Turn, param: Param): string {
  const columns: Columns = [
    ['id', chat.id],
    ['kind', chat.kind],
    ...chatColumns(chat),
    ...turn.events.flatMap((event) => (event.type === 'message:new' ? lastMessage(event) : [])),
    ['seq', turn.prevSeq + turn.events.length],
    ['changed_seq', seq],
    ['created_at', chat.createdAt],
  ]
  return `insert into chats (${columns.map(([column]) => column).join(', ')})
    select ${columns.map(([, value]) => param(value)).join(', ')} ${turn.seats ? `where ${isSeated(turn.seats)}` : ''}
    on conflict (id) do nothing returning id`
}

type Columns = readonly (readonly [column: string, value: unknown])[]

function chatColumns(chat: ChatInfo): Columns {
  const own = Object.entries(CHAT_COLUMNS).map(([column, field]) => [column, chat[field]] as const)
  const { session } = chat
  if (!session) return own
  return [
    ...own,
    ...Object.entries(SESSION_COLUMNS).map(([column, field]) => [column, session[field]] as const),
    ['metadata', toJson(session.metadata)],
  ]
}

function lastMessage({ seq, at }: ChatEventOf<'message:new'>): Columns {
  return [
    ['last_message_seq', seq],
    ['last_message_at', at],
  ]
}

function assign(columns: Columns, param: Param): string[] {
  return columns.map(([column, value]) => `${column} = ${param(value)}`)
}

/** An event that changes the chat's own fields. */
function isOfChat(event: ChatEvent): event is ChatEventOf<'chat:updated' | SessionEvent> {
  return event.type === 'chat:updated' || event.type.startsWith('session:')
}

type SessionEvent = Extract<ChatEvent['type'], `session:${string}`>

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
    case 'message:new':
      return [send(event, param)]
    case 'participant:joined':
    case 'session:queued':
    case 'session:accepted':
    case 'session:transferred':
    case 'session:closed':
    case 'session:reopened':
    case 'chat:deleted':
      return []
    case 'receipts':
      throw new Error(`${event.type} cannot share a turn with other changes`)
    default:
      return event satisfies never
  }
}

/** A message of the service's own, which comes with what it tells of. */
function send({ data: { message: it } }: ChatEventOf<'message:new'>, param: Param): string {
  const values = [it.id, it.seq, it.seq, it.senderId, it.contentType, it.content]
  return `insert into messages (chat_id, id, seq, changed_seq, sender_id, content_type, content, metadata, created_at)
    select head.id, ${values.map(param).join(', ')}, ${param(toJson(it.metadata))}, ${param(it.createdAt)} from head`
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
    `update attachments set status = 'deleted', message_id = null from head where message_id = ${id}`,
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
