import { LIMITS } from '../../protocol/limits.ts'
import type { AgentDesk, Availability } from '../../protocol/sessions.ts'
import type { Database } from '../connect.ts'
import { toSummary, type UserRow, userJson } from '../rows.ts'

const COLUMNS = `${userJson('u')} as "user", coalesce(a.availability, 'available') as availability,
  coalesce(a.capacity, ${LIMITS.agentCapacity}) as capacity, coalesce(a.teams, '{}') as teams,
  coalesce(cardinality(a.session_ids), 0) as sessions`

const LIST = `
  select ${COLUMNS} from users u left join agents a on a.user_id = u.id
  where u.type in ('agent', 'admin') and u.disabled_at is null and ($1::uuid is null or u.id = $1)
  order by u.display_name, u.id limit 1000`

const UPDATE = `
  insert into agents (user_id, availability, capacity, teams)
  select u.id, coalesce($1::text, 'available'), coalesce($2::int, ${LIMITS.agentCapacity}), coalesce($3::text[], '{}')
  from users u where u.id = $4 and u.type in ('agent', 'admin') and u.disabled_at is null
  on conflict (user_id) do update set
    availability = coalesce($1, agents.availability), capacity = coalesce($2, agents.capacity),
    teams = coalesce($3, agents.teams)`

interface AgentRow extends Omit<AgentDesk, 'user'> {
  readonly user: UserRow
}

/** listAgents lists those who take sessions: agents, and admins, who may. By name; the first 1,000. */
export function listAgents(db: Database): Promise<AgentDesk[]> {
  return read(db, null)
}

/** findAgent is undefined where the user is no agent. */
export async function findAgent(db: Database, userId: string): Promise<AgentDesk | undefined> {
  return (await read(db, userId))[0]
}

export interface AgentChange {
  readonly availability?: Availability | null | undefined
  readonly capacity?: number | null | undefined
  readonly teams?: readonly string[] | null | undefined
}

/** updateAgent changes what is given of an agent; undefined where the user is none. */
export async function updateAgent(
  db: Database,
  userId: string,
  { availability = null, capacity = null, teams = null }: AgentChange,
): Promise<AgentDesk | undefined> {
  await db.pool.query(UPDATE, [availability, capacity, teams, userId])
  return findAgent(db, userId)
}

async function read(db: Database, userId: string | null): Promise<AgentDesk[]> {
  const { rows } = await db.pool.query<AgentRow>(LIST, [userId])
  return rows.map((row) => ({ ...row, user: toSummary(row.user) }))
}
