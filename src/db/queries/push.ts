import type { Newest, PushStore, Recipient } from '../../workers/ports.ts'
import type { Database } from '../connect.ts'
import { removePushDevice } from './push-devices.ts'

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

/** What the target was told is looked at as it is when the row is locked: another job may have told it just now. */
const HOLD_NEWEST = `
with newest as (
  select m.id as "messageId", m.seq, m.content, m.content_type as "contentType", s.display_name as sender,
    c.kind, c.name as "chatName", r.issuer, r.subject, (
      select count(*) from (select from messages m where ${NEWS} limit 100) unread
    ) as unread
  from chat_participants p
  join chats c on c.id = p.chat_id and c.deleted_at is null
  join users r on r.id = p.user_id and r.disabled_at is null
  cross join lateral (select * from messages m where ${NEWS} order by m.seq desc limit 1) m
  left join users s on s.id = m.sender_id
  where p.chat_id = $1 and p.user_id = $2 and ${WANTS}
), held as (
  insert into push_marks as k (user_id, chat_id, target, seq, sent_at, holder, held_until)
  select $2, $1, $3, 0, to_timestamp(0), $4, now() + $6 * interval '1 millisecond' from newest
  on conflict (user_id, chat_id, target) do update set holder = excluded.holder, held_until = excluded.held_until
  where k.seq < (select seq from newest) and k.sent_at <= now() - $5 * interval '1 millisecond'
    and (k.holder = excluded.holder or coalesce(k.held_until, now()) <= now())
  returning holder
)
select newest.*, coalesce(k.seq, 0) as "toldSeq", exists (select from held) as "isHeld",
  coalesce(greatest(extract(epoch from k.sent_at - now()) * 1000 + $5,
    extract(epoch from k.held_until - now()) * 1000), 0)::float8 as wait, array(
      select json_build_object('token', d.token, 'keys', d.keys) from push_devices d
      where d.user_id = $2 and (d.provider = $3 or d.id::text = $3) and ${LIVE} order by d.id
    ) as addresses
from newest left join push_marks k on k.user_id = $2 and k.chat_id = $1 and k.target = $3`

const TOLD = `
insert into push_marks as k (user_id, chat_id, target, seq, sent_at) values ($1, $2, $3, $4, now())
on conflict (user_id, chat_id, target) do update set
  seq = greatest(k.seq, excluded.seq), sent_at = excluded.sent_at, holder = null, held_until = null`

/** createPushStore reads who is to be told of what from Postgres. */
export function createPushStore(db: Database): PushStore {
  const ask = <T extends object>(name: string, text: string, values: unknown[]) =>
    db.ask<T>({ name, text, values, isBackground: true })
  return {
    listRecipients: ({ chatId, from, to }) =>
      ask<Recipient>('push-recipients', RECIPIENTS, [chatId, from, to]),
    async holdNewest({ chatId, userId, target }, { jobId, pause, milliseconds }) {
      const values = [chatId, userId, target, jobId, pause, milliseconds]
      const [row] = await ask<Newest>('push-newest', HOLD_NEWEST, values)
      return row
    },
    async markTold({ chatId, userId, target }, seq) {
      await ask('push-told', TOLD, [userId, chatId, target, seq])
    },
    async removeDevice(userId, id) {
      await removePushDevice(db, userId, id)
    },
  }
}
