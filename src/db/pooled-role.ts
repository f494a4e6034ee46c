import pg from 'pg'
import { CONNECT_TIMEOUT } from './migrate.ts'

/**
 * What every session of a role gets that reaches Postgres through a pooler, which takes no settings of its own. Every
 * statement on the way of a commit is bounded, and its plan, made while tables were small, stays good for large ones:
 * nested loops over indexes.
 */
const SETTINGS = {
  statement_timeout: '5s',
  lock_timeout: '3s',
  idle_in_transaction_session_timeout: '2s',
  jit: 'off',
  enable_seqscan: 'off',
  enable_mergejoin: 'off',
}

/** keepSettings keeps them with the role of this URL, in its database alone. A role may do so for itself. */
export async function keepSettings(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT })
  await client.connect()
  try {
    const { rows } = await client.query<{ place: string }>(
      `select format('role %I in database %I', current_user, current_database()) as place`,
    )
    for (const { place } of rows)
      for (const [name, value] of Object.entries(SETTINGS))
        await client.query(`alter ${place} set ${name} = '${value}'`)
  } finally {
    await client.end()
  }
}
