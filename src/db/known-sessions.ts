import type { Availability } from '../protocol/sessions.ts'
import type { Desk, KnownSessions, RoomStore, SessionNeeds } from '../rooms/ports.ts'
import type { Database } from './connect.ts'

const DESKS = `
  select user_id, availability, capacity, teams, session_ids from agents where user_id = any($1::uuid[])`
/** Only for those who work in sessions. */
const NEW_DESKS = `
  insert into agents (user_id)
  select id from users where id = any($1::uuid[]) and type in ('agent', 'admin')
  on conflict do nothing`

/** Available agents of the queues, and all admins. */
const LISTENERS = `
  select u.id from users u left join agents a on a.user_id = u.id
  where u.type in ('agent', 'admin') and u.disabled_at is null and (
    u.type = 'admin' or (coalesce(a.availability, 'available') = 'available'
      and ($1::boolean or a.teams && $2::text[]))
  )`

interface DeskRow {
  readonly user_id: string
  readonly availability: Availability
  readonly capacity: number
  readonly teams: string[]
  readonly session_ids: string[]
}

/** knowSessions answers what commands of sessions ask. An agent without a desk gets one, for the commit to look at. */
export async function knowSessions(
  db: Database,
  { agentIds, chatIds, queues }: SessionNeeds,
  load: RoomStore['load'],
): Promise<KnownSessions> {
  const [desks, chats, listeners] = await Promise.all([
    listDesks(db, agentIds),
    Promise.all(chatIds.map(async (chatId) => [chatId, await load(chatId)] as const)),
    listListeners(db, queues),
  ])
  return { desks, chats: new Map(chats.flatMap(([id, state]) => (state ? [[id, state]] : []))), listeners }
}

/** listDesks answers the desks of those who are agents, made if need be. */
export async function listDesks(db: Database, userIds: readonly string[]): Promise<Map<string, Desk>> {
  if (userIds.length === 0) return new Map()
  const read = () => db.ask<DeskRow>({ name: 'read-desks', text: DESKS, values: [userIds] })
  let rows = await read()
  if (rows.length < userIds.length) {
    await db.ask({ name: 'make-desks', text: NEW_DESKS, values: [userIds] })
    rows = await read()
  }
  return new Map(rows.map((row) => [row.user_id, toDesk(row)]))
}

async function listListeners(db: Database, queues: SessionNeeds['queues']): Promise<string[]> {
  if (queues.length === 0) return []
  const teams = queues.filter((team) => team !== null)
  const values = [queues.includes(null), teams]
  const rows = await db.ask<{ id: string }>({ name: 'queue-listeners', text: LISTENERS, values })
  return rows.map(({ id }) => id)
}

function toDesk({ availability, capacity, teams, session_ids }: DeskRow): Desk {
  return { availability, capacity, teams, sessionIds: session_ids }
}
