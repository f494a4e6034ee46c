import { v7 as uuidv7 } from 'uuid'
import type { PushDevice } from '../../protocol/push.ts'
import type { Database } from '../connect.ts'

/** Whoever registers a token has the device in hand: it is that user's now, and nobody else's. */
const REGISTER = `
insert into push_devices as d (id, user_id, session_id, provider, token, keys, created_at)
select $1, $2, (select id from auth_sessions where id = $3), $4, $5, $6, now()
on conflict (provider, token) do update set
  id = case when d.user_id = excluded.user_id then d.id else excluded.id end,
  user_id = excluded.user_id, session_id = excluded.session_id, keys = excluded.keys
returning id, provider, token, created_at as "createdAt"`

/** The oldest give way. */
const TRIM = `
delete from push_devices where id in (
  select id from push_devices where user_id = $1 order by created_at desc, id desc offset $2
)`

export interface NewPushDevice {
  readonly userId: string
  /** The login by which it is registered; null where another issuer keeps the logins. */
  readonly sessionId: string | null
  readonly provider: 'onesignal' | 'webpush'
  readonly token: string
  readonly keys: { readonly p256dh: string; readonly auth: string } | null
}

type Row = Omit<PushDevice, 'createdAt'> & { readonly createdAt: Date }

/** registerPushDevice keeps where pushes go, once per token, and at most so many per user. */
export async function registerPushDevice(
  db: Database,
  { userId, sessionId, provider, token, keys }: NewPushDevice,
  most: number,
): Promise<PushDevice> {
  const values = [uuidv7(), userId, sessionId, provider, token, keys === null ? null : JSON.stringify(keys)]
  const { rows } = await db.pool.query<Row>(REGISTER, values)
  await db.pool.query(TRIM, [userId, most])
  const [row] = rows
  if (!row) throw new Error('A device was registered and is not there')
  return toPushDevice(row)
}

export async function listPushDevices(db: Database, userId: string): Promise<PushDevice[]> {
  const { rows } = await db.pool.query<Row>(
    `select id, provider, token, created_at as "createdAt" from push_devices where user_id = $1 order by id`,
    [userId],
  )
  return rows.map(toPushDevice)
}

/** removePushDevice answers whether the user had such a device. */
export async function removePushDevice(db: Database, userId: string, id: string): Promise<boolean> {
  const { rows } = await db.pool.query(
    'delete from push_devices where user_id = $1 and id = $2 returning id',
    [userId, id],
  )
  return rows.length > 0
}

function toPushDevice({ createdAt, ...row }: Row): PushDevice {
  return { ...row, createdAt: createdAt.toISOString() }
}
