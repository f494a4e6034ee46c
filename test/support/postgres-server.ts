import {
  createPostgresServer as create,
  findPostgres,
  type PostgresServer,
} from '../../src/hosts/node/faults/servers/postgres.ts'
import { install } from './install.ts'

export type { PostgresServer }

/** createPostgresServer makes a Postgres of the tests' own, Debian's when there is none and it may be installed. */
export async function createPostgresServer(settings: Record<string, string> = {}): Promise<PostgresServer> {
  ensurePostgres()
  return create(settings)
}

export function ensurePostgres(): void {
  if (findPostgres() === undefined) install('postgresql')
}
