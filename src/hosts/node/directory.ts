import { readFile } from 'node:fs/promises'
import { createHttpDirectory } from '../../auth/http-directory.ts'
import type { UserDirectory } from '../../auth/ports.ts'
import { type Config, ConfigError } from '../../config.ts'
import type { PushTokens } from '../../workers/ports.ts'

/** OpenDirectory is where names are kept, if anywhere, and devices of an older system. */
export interface OpenDirectory {
  readonly directory: UserDirectory | undefined
  readonly pushTokens?: PushTokens
  close(): Promise<void>
}

/** openDirectory connects to nothing yet, as the directory may be away. The driver is loaded only where it is used. */
export async function openDirectory(config: Config): Promise<OpenDirectory> {
  const { MYSQL_HOST, MYSQL_DB, MYSQL_USER } = config
  const { DIRECTORY_URL: url, DIRECTORY_TOKEN: token, DIRECTORY_PUSH_ISSUERS: pushIssuers } = config
  if (url !== undefined && token !== undefined) {
    const directory = createHttpDirectory({ url, token, pushIssuers, isShared: true })
    return { directory, pushTokens: directory, async close() {} }
  }
  if (MYSQL_HOST === undefined || MYSQL_DB === undefined || MYSQL_USER === undefined) {
    return { directory: undefined, async close() {} }
  }
  const { createMysqlDirectory } = await import('../../db/mysql-directory.ts')
  const directory = createMysqlDirectory({
    host: MYSQL_HOST,
    port: config.MYSQL_PORT,
    database: MYSQL_DB,
    user: MYSQL_USER,
    password: config.MYSQL_PASSWORD,
    tls: config.MYSQL_TLS === 'on' ? await readAuthorities(config.MYSQL_CA) : undefined,
    tables: config.MYSQL_TABLES,
    pushTable: config.MYSQL_PUSH_TABLE,
  })
  return { directory, pushTokens: directory, close: () => directory.close() }
}

/** The start ends here where the file cannot be read, and not with the first name. */
async function readAuthorities(path: string | undefined): Promise<{ readonly ca?: string }> {
  if (path === undefined) return {}
  const ca = await readFile(path, 'utf8').catch(() => '')
  if (ca.includes('-----BEGIN CERTIFICATE-----')) return { ca }
  throw new ConfigError('MYSQL_CA must be the path of a file of certificates in PEM')
}
