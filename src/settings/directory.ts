import { z } from 'zod'
import { OutsideType } from './issuer.ts'
import { ConfigError, commaSeparated, jsonOf, secret, setting, text, whole } from './kinds.ts'
import { networkUrl } from './network-url.ts'

const column = z
  .string('must be text')
  .regex(/^[A-Za-z_][A-Za-z0-9_$]{0,63}$/, 'must be the name of a column: letters, digits, _ and $')
const table = z
  .string('must be text')
  .regex(
    /^([A-Za-z_][A-Za-z0-9_$]{0,63}\.)?[A-Za-z_][A-Za-z0-9_$]{0,63}$/,
    'must be the name of a table, with its database before a dot if it is another: letters, digits, _ and $',
  )

/** UserTable is where the names of one issuer's users of one type are. */
const UserTable = z.strictObject({
  issuer: z.string('must be the name of an issuer'),
  type: OutsideType,
  table,
  /** Holds the subject of the token. */
  id: column.default('id'),
  /** One column or more, of which the name is put together. */
  name: z
    .union(
      [column.transform((one) => [one]), z.array(column).min(1)],
      'must be a column or a list of columns',
    )
    .prefault('name'),
  /** Holds an https address. */
  picture: column.optional(),
})
export type UserTable = Readonly<z.infer<typeof UserTable>>

/** PushTable is where an older system keeps the OneSignal player ids of one issuer's users: a row for each device. */
const PushTable = z.strictObject({
  issuer: z.string('must be the name of an issuer').default('cognito'),
  table: table.default('customer_notification_mapping'),
  /** Holds the subject of the token. */
  id: column.default('customer_id'),
  token: column.default('player_id'),
})
export type PushTable = Readonly<z.infer<typeof PushTable>>

/** DIRECTORY_SETTINGS say where names and pictures of users of other issuers are kept. */
export const DIRECTORY_SETTINGS = {
  MYSQL_HOST: text
    .optional()
    .meta(setting('Directory', 'MySQL or MariaDB that has the names of users of other issuers; only read')),
  MYSQL_PORT: whole(1, 65_535).default(3_306).meta(setting('Directory', 'Port of MYSQL_HOST')),
  MYSQL_DB: text.optional().meta(setting('Directory', 'Database on MYSQL_HOST')),
  MYSQL_USER: text.optional().meta(setting('Directory', 'A user there that needs SELECT and nothing else')),
  MYSQL_PASSWORD: z.string().optional().meta(setting('Directory', 'Password of MYSQL_USER')),
  MYSQL_TLS: z
    .enum(['on', 'off'], 'must be on or off')
    .default('off')
    .meta(
      setting('Directory', 'on encrypts, and takes only a server whose certificate is good for MYSQL_HOST'),
    ),
  MYSQL_CA: text
    .optional()
    .meta(
      setting('Directory', 'File of the authorities that sign it, in PEM; the well-known ones when left out'),
    ),
  MYSQL_TABLES: jsonOf(z.array(UserTable, 'must be a JSON list of tables'))
    .prefault(
      JSON.stringify([
        { issuer: 'cognito', type: 'customer', table: 'customers', id: 'id', name: 'name' },
        { issuer: 'django', type: 'dentist', table: 'dentists', id: 'id', name: 'name' },
      ]),
    )
    .meta(setting('Directory', 'Whose names are in which table and columns: see docs/identities.md')),
  MYSQL_PUSH_TABLE: jsonOf(PushTable)
    .optional()
    .meta(
      setting('Directory', 'Player ids of OneSignal there, besides those of devices; {} for the usual names'),
    ),
  DIRECTORY_URL: networkUrl
    .optional()
    .meta(setting('Directory', 'Instead of MYSQL_HOST: an endpoint of your backend that is asked for names')),
  DIRECTORY_TOKEN: secret
    .optional()
    .meta(setting('Directory', 'Bearer token that DIRECTORY_URL is asked with')),
  DIRECTORY_PUSH_ISSUERS: commaSeparated
    .default([])
    .meta(
      setting(
        'Directory',
        'Issuers of whose users it knows player ids of OneSignal, too, comma-separated: see docs/identities.md',
      ),
    ),
}

const Given = z.object(DIRECTORY_SETTINGS)

/** checkDirectory throws a ConfigError where the settings do not say one directory. */
export function checkDirectory(config: Readonly<z.infer<typeof Given>>): void {
  const { MYSQL_HOST, MYSQL_TLS, MYSQL_CA, MYSQL_PUSH_TABLE } = config
  const { DIRECTORY_URL, DIRECTORY_TOKEN, DIRECTORY_PUSH_ISSUERS } = config
  if (DIRECTORY_URL !== undefined && MYSQL_HOST !== undefined) {
    throw new ConfigError('DIRECTORY_URL and MYSQL_HOST must not both be set: names come from one place')
  }
  if (DIRECTORY_URL !== undefined && DIRECTORY_TOKEN === undefined) {
    throw new ConfigError('DIRECTORY_TOKEN must be set, so that DIRECTORY_URL answers nobody else')
  }
  if (DIRECTORY_URL === undefined && DIRECTORY_PUSH_ISSUERS.length > 0) {
    throw new ConfigError('DIRECTORY_URL must be set together with DIRECTORY_PUSH_ISSUERS')
  }
  if (DIRECTORY_URL !== undefined && MYSQL_PUSH_TABLE !== undefined) {
    throw new ConfigError(
      'MYSQL_PUSH_TABLE is not read with DIRECTORY_URL: set DIRECTORY_PUSH_ISSUERS instead',
    )
  }
  if (MYSQL_CA !== undefined && MYSQL_TLS === 'off') {
    throw new ConfigError('MYSQL_TLS must be on together with MYSQL_CA')
  }
  if (MYSQL_TLS === 'on' && /^[\d.]+$|:/.test(MYSQL_HOST ?? '')) {
    throw new ConfigError(
      "MYSQL_HOST must be the name in the server's certificate, no address, with MYSQL_TLS",
    )
  }
  for (const name of MYSQL_HOST === undefined ? [] : (['MYSQL_DB', 'MYSQL_USER'] as const)) {
    if (config[name] === undefined) throw new ConfigError(`${name} must be set together with MYSQL_HOST`)
  }
}
