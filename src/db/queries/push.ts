import type { ChatKind, ContentType } from '../../protocol/model.ts'
import type { Database } from '../connect.ts'

/** A device is live until the login that it was registered by has ended. */
const LIVE = `not exists (select from auth_sessions s where s.id = d.session_id and s.ended_at is not null)`
/** Somebody who takes part, and wants to hear of the chat. */
const WANTS = `p.left_seq is null and (p.muted_until is null or p.muted_until <= now())`
/** News to the participant `p`: what was not read, by others, and is still there. */
const NEWS = `m.chat_id = p.chat_id and m.seq > p.read_seq and m.deleted_at is null
  and m.content_type <> 'system' and m.sender_id is distinct from p.user_id`

const RECIPIENTS = `
select p.user_id as "userId", p.delivered_seq as "deliveredSeq", u.issuer, array(
  select json_build_object('id', d.id, 'provider', d.provider) from push_devices d
  where d.user_id = p.user_id and ${LIVE}
) as devices
from chats c
join chat_participants p on p.chat_id = c.id and ${WANTS}
join users u on u.id = p.user_id and u.disabled_at is null and u.type <> 'bot'
where c.id = $1 and c.deleted_at is null and p.read_seq < $3
  and exists (select from messages m where ${NEWS} and m.seq between $2 and $3)`

const NEWEST = `
select m.id as "messageId", m.seq, m.content, m.content_type as "contentType", s.display_name as sender,
  c.kind, c.name as "chatName", r.issuer, r.subject, coalesce(k.seq, 0) as "toldSeq",
  extract(epoch from now() - k.sent_at)::float8 * 1000 as "toldAgo", (
    select count(*) from (select from messages m where ${NEWS} limit 100) unread
  ) as unread
from chat_participants p
join chats c on c.id = p.chat_id and c.deleted_at is null
join users r on r.id = p.user_id and r.disabled_at is null
cross join lateral (select * from messages m where ${NEWS} order by m.seq desc limit 1) m
left join users s on s.id = m.sender_id
left join push_marks k on k.user_id = p.user_id and k.chat_id = p.chat_id and k.target = $3
where p.chat_id = $1 and p.user_id = $2 and ${WANTS}`

const TARGETS = `
select d.id, d.token, d.keys from push_devices d
where d.user_id = $1 and d.provider = $2 and ($3::uuid is null or d.id = $3) and ${LIVE}`

const TOLD = `
insert into push_marks as k (user_id, chat_id, target, seq, sent_at) values ($1, $2, $3, $4, now())
on conflict (user_id, chat_id, target) do update set seq = greatest(k.seq, excluded.seq), sent_at = excluded.sent_at`

export interface Recipient {
  readonly userId: string
  readonly deliveredSeq: number
  readonly issuer: string
  readonly devices: readonly { readonly id: string; readonly provider: 'onesignal' | 'webpush' }[]
}

/** listRecipients finds who has not read the messages between the two seqs, and where pushes for them go. */
export function listRecipients(
  db: Database,
  { chatId, from, to }: { readonly chatId: string; readonly from: number; readonly to: number },
): Promise<Recipient[]> {
  const values = [chatId, from, to]
  return db.ask<Recipient>({ name: 'push-recipients', text: RECIPIENTS, values, isBackground: true })
}

/** Whom a push is for: a participant, and one of the ways to reach that user. */
export interface PushTarget {
  readonly chatId: string
  readonly userId: string
  /** A provider, or the id of a device. */
  readonly target: string
}

/** Newest is the last message that a participant has not read, with what a push says of it. */
export interface Newest {
  readonly messageId: string
  readonly seq: number
  readonly content: string
  readonly contentType: ContentType
  readonly sender: string | null
  readonly kind: ChatKind
  readonly chatName: string | null
  readonly issuer: string
  readonly subject: string
  /** Counted up to 100. */
  readonly unread: number
  /** Up to where this target was told already, and how many milliseconds ago. */
  readonly toldSeq: number
  readonly toldAgo: number | null
}

/** findNewest finds nothing when all is read, deleted or muted, or the user takes no part any more. */
export async function findNewest(db: Database, to: PushTarget): Promise<Newest | undefined> {
  const values = [to.chatId, to.userId, to.target]
  const [row] = await db.ask<Newest>({ name: 'push-newest', text: NEWEST, values, isBackground: true })
  return row
}

export interface PushAddress {
  readonly id: string
  readonly token: string
  readonly keys: { readonly p256dh: string; readonly auth: string } | null
}

/** listPushAddresses lists a user's devices of a provider, or the one of the id. */
export function listPushAddresses(
  db: Database,
  userId: string,
  { provider, id = null }: { readonly provider: 'onesignal' | 'webpush'; readonly id?: string | null },
): Promise<PushAddress[]> {
  const values = [userId, provider, id]
  return db.ask<PushAddress>({ name: 'push-addresses', text: TARGETS, values, isBackground: true })
}

/** markTold remembers that a push told of everything up to the seq. */
export async function markTold(db: Database, to: PushTarget, seq: number): Promise<void> {
  const values = [to.userId, to.chatId, to.target, seq]
  await db.ask({ name: 'push-told', text: TOLD, values, isBackground: true })
}
