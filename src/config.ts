import { z } from 'zod'
import { LIMITS, TIMES } from './protocol/limits.ts'
import { checkDirectory, DIRECTORY_SETTINGS } from './settings/directory.ts'
import { ISSUER_SETTINGS, issuersOf } from './settings/issuers.ts'
import { ConfigError, commaSeparated, secret, setting, text, toConfigError, whole } from './settings/kinds.ts'
import { faultsOfOutgoing, OUTGOING } from './settings/outgoing.ts'

export { ConfigError, SECTIONS } from './settings/kinds.ts'

const PostgresUrl = z.url({
  protocol: /^postgres(ql)?$/,
  error: 'must look like postgres://user:password@host:5432/database',
})
const HttpUrl = z.url({ protocol: /^https?$/, error: 'must look like https://s3.example.org' })
const Origin = text.refine(isOrigin, {
  error: 'must be a comma-separated list of origins such as https://chat.example.org, without a path',
})
const Nodes = commaSeparated
  .pipe(
    z.array(
      z.string().regex(/^[^\s:]+:\d{1,5}$/, {
        error: 'must be a comma-separated list of host:port, such as 10.0.0.1:6379,10.0.0.2:6379',
      }),
    ),
  )
  .transform((list) =>
    list.map((node) => {
      const [host = '', port] = node.split(':')
      return { host, port: Number(port) }
    }),
  )
const Origins = commaSeparated.pipe(z.array(Origin))

/** Settings is every setting of the service, by the name of its environment variable. */
export const Settings = z.object({
  PORT: whole(0, 65_535).default(3_000).meta(setting('Server', 'TCP port to listen on; 0 takes a free one')),
  HOST: text
    .default('127.0.0.1')
    .meta(setting('Server', 'Address to listen on; 0.0.0.0 or :: opens the service to the network')),
  NODE_ENV: z
    .enum(['development', 'test', 'production'], 'must be development, test or production')
    .default('development')
    .meta(setting('Server', 'production marks cookies Secure, so that they need https')),
  APP_VERSION: text
    .optional()
    .meta(setting('Server', 'What /health calls this build; the version of package.json when left out')),
  LOG_LEVEL: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'silent'],
      'must be fatal, error, warn, info, debug or silent',
    )
    .default('info')
    .meta(setting('Server', 'Least level that is logged: fatal, error, warn, info, debug or silent')),
  DRAIN_SECONDS: whole(0, 600)
    .default(10)
    .meta(setting('Server', 'How long a stop spreads the goodbyes to its connections over')),
  TRUST_PROXY: whole(0, 16)
    .default(0)
    .meta(
      setting(
        'Server',
        'How many proxies stand in front; the client is that many entries from the end of X-Forwarded-For',
      ),
    ),

  DATA_DIR: text
    .default('./data')
    .meta(setting('Storage', 'Folder of the embedded database and of the generated secrets')),
  BLOBS_DIR: text
    .optional()
    .meta(
      setting('Storage', 'Folder of attachments, shared by all instances; within DATA_DIR when left out'),
    ),
  S3_BUCKET: text
    .optional()
    .meta(
      setting(
        'Storage',
        'Keeps attachments in this bucket of S3, or of a server like it, and not in a folder',
      ),
    ),
  S3_ENDPOINT: HttpUrl.optional().meta(setting('Storage', 'Another S3 server than that of AWS')),
  S3_PUBLIC_ENDPOINT: HttpUrl.optional().meta(
    setting('Storage', 'Where clients reach S3_ENDPOINT, if by another name than the service does'),
  ),
  S3_PATH_STYLE: z
    .enum(['on', 'off'], 'must be on or off')
    .optional()
    .meta(
      setting(
        'Storage',
        'on names the bucket in the path, not in the host; on with S3_ENDPOINT when left out',
      ),
    ),
  AWS_REGION: text.default('us-east-1').meta(setting('Storage', 'Region of S3_BUCKET')),
  AWS_ACCESS_KEY_ID: text
    .optional()
    .meta(setting('Storage', 'Key of S3, with the next one; the role of the machine when left out')),
  AWS_SECRET_ACCESS_KEY: z.string().optional().meta(setting('Storage', 'Secret of AWS_ACCESS_KEY_ID')),
  DATABASE_URL: PostgresUrl.optional().meta(
    setting('Storage', 'Postgres 15 or later; the embedded database of DATA_DIR when left out'),
  ),
  POSTGRES_HOST: text
    .optional()
    .meta(setting('Storage', 'Instead of DATABASE_URL, together with the next four')),
  POSTGRES_PORT: whole(1, 65_535).default(5_432).meta(setting('Storage', 'Port of POSTGRES_HOST')),
  POSTGRES_DB: text.default('parley').meta(setting('Storage', 'Database on POSTGRES_HOST')),
  POSTGRES_USER: text.default('parley').meta(setting('Storage', 'Role on POSTGRES_HOST')),
  POSTGRES_PASSWORD: z.string().optional().meta(setting('Storage', 'Password of POSTGRES_USER')),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must look like redis://user:password@host:6379/0' })
    .optional()
    .meta(setting('Storage', 'Redis 7 or later: makes this one of many instances over one DATABASE_URL')),
  REDIS_HOST: text.optional().meta(setting('Storage', 'Instead of REDIS_URL, together with the next two')),
  REDIS_PORT: whole(1, 65_535).default(6_379).meta(setting('Storage', 'Port of REDIS_HOST')),
  REDIS_PASSWORD: z.string().optional().meta(setting('Storage', 'Password of REDIS_HOST or REDIS_NODES')),
  REDIS_NODES: Nodes.default([]).meta(
    setting('Storage', 'Instead of REDIS_URL: some nodes of a Redis Cluster, comma-separated host:port'),
  ),
  REDIS_PREFIX: text
    .default('parley:')
    .meta(setting('Storage', 'Begins every key and channel; another one for each deployment on one Redis')),
  DATABASE_POOL: whole(2, 500)
    .default(20)
    .meta(
      setting('Storage', 'Most connections to Postgres, besides two for commits; as many to the replica'),
    ),
  COMMIT_DEADLINE_SECONDS: whole(1, 20)
    .default(TIMES.commitDeadline / 1_000)
    .meta(
      setting(
        'Storage',
        'Seconds in which a command is committed and a request has its rows, or is refused as one to try again; more where Postgres is far away or slow',
      ),
    ),
  DATABASE_REPLICA_URL: PostgresUrl.optional().meta(
    setting('Storage', 'A streaming standby of DATABASE_URL that answers searches and old history'),
  ),
  DATABASE_REPLICA_LAG: whole(1, 3_600)
    .default(5)
    .meta(setting('Storage', 'Seconds that the replica may be behind; further, the primary answers alone')),

  JWT_SECRET: secret
    .optional()
    .meta(setting('Accounts', 'Signs access tokens; made and kept in DATA_DIR when left out')),
  JWT_REFRESH_SECRET: secret
    .optional()
    .meta(setting('Accounts', 'Signs refresh tokens, another one than JWT_SECRET; made likewise')),

  ...ISSUER_SETTINGS,
  ...DIRECTORY_SETTINGS,

  GUESTS: z
    .enum(['on', 'off'], 'must be on or off')
    .default('off')
    .meta(
      setting(
        'Accounts',
        'on lets guests into sessions by themselves; off, only the tokens of services bring them',
      ),
    ),

  CORS_ORIGINS: Origins.default([]).meta(
    setting('Access', 'Other origins whose pages may call the service, comma-separated'),
  ),
  RATE_LIMITS: z
    .enum(['on', 'off'], 'must be on or off')
    .default('on')
    .meta(setting('Access', 'off lifts all rate limits: for tests and load only')),

  CLAMAV_HOST: text.optional().meta(setting('Access', 'Has clamd there look at every file that is sent')),
  CLAMAV_PORT: whole(1, 65_535).default(3_310).meta(setting('Access', 'Port of CLAMAV_HOST')),
  METRICS_TOKEN: secret
    .optional()
    .meta(
      setting('Access', 'Bearer token that /metrics asks for; only private addresses see it when left out'),
    ),

  DIRECT_CHATS: z
    .enum(['contacts', 'anyone'], 'must be contacts or anyone')
    .default('contacts')
    .meta(setting('Chats', 'Who may open a direct chat with somebody: contacts or anyone')),
  DOCUMENTS: z
    .enum(['sessions', 'everywhere'], 'must be sessions or everywhere')
    .default('sessions')
    .meta(setting('Chats', 'Where PDF, office documents and texts may be sent beside images')),
  SEARCH_LANGUAGE: z
    .string()
    .regex(/^[a-z_]{1,63}$/, 'must be the name of a Postgres text search configuration')
    .default('simple')
    .meta(setting('Chats', 'Text search configuration of Postgres, such as simple or english')),

  ...OUTGOING,

  JOB_RETRY_SECONDS: whole(1, 3_600)
    .default(2)
    .meta(
      setting(
        'Jobs',
        'Pause before background work that failed is tried again; each further one is 4 times it',
      ),
    ),

  RATE_REST_PER_MINUTE: whole(1, 1_000_000)
    .default(100)
    .meta(setting('Limits', 'REST requests a minute, per user and per IP address')),
  RATE_SERVICE_PER_MINUTE: whole(1, 1_000_000)
    .default(3_000)
    .meta(setting('Limits', 'Requests of backends a minute, per service token and per IP address')),
  RATE_AUTH_FAILURES: whole(1, 1_000)
    .default(5)
    .meta(setting('Limits', 'Failed logins in 15 minutes, per account and per IP address')),
  RATE_MESSAGES_PER_SECOND: whole(1, 10_000)
    .default(10)
    .meta(setting('Limits', 'Messages a second, per user; three times as many in a burst')),
  RATE_FRAMES_PER_SECOND: whole(1, 100_000)
    .default(50)
    .meta(
      setting(
        'Limits',
        'Socket frames a second that are no message, per user; three times as many in a burst',
      ),
    ),
  RATE_SEARCHES_PER_MINUTE: whole(1, 100_000)
    .default(60)
    .meta(setting('Limits', 'Searches a minute, per user')),
  RATE_FILES_PER_MINUTE: whole(1, 1_000_000)
    .default(600)
    .meta(setting('Limits', 'Pictures and files shown a minute, per user and per IP address')),
  UPLOAD_PROCESSES: whole(1, 64)
    .default(1)
    .meta(
      setting(
        'Limits',
        'Files that are checked at once, each in a process that may take a processor and 400 MB',
      ),
    ),
  CONNECTIONS_PER_USER: whole(1, 10_000)
    .default(LIMITS.connectionsPerUser)
    .meta(setting('Limits', 'Sockets that one user may have open on this instance')),
})

/** Config is the parsed settings; `DATABASE_URL` is put together from `POSTGRES_*` where those are given. */
export type Config = Readonly<z.infer<typeof Settings>>

/**
 * parseConfig reads settings from the environment or the like. An empty value counts as left out. Throws a
 * ConfigError that names every wrong variable and how to fix it, and never prints a value, as it may be a secret.
 */
export function parseConfig(source: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value?.trim()))
  const parsed = Settings.safeParse(given)
  if (!parsed.success) throw toConfigError(parsed.error)
  const config = parsed.data
  if (config.JWT_SECRET !== undefined && config.JWT_SECRET === config.JWT_REFRESH_SECRET) {
    throw new ConfigError('JWT_REFRESH_SECRET must not be the same as JWT_SECRET')
  }
  // What is wrong with them is to end the start here, with everything else.
  issuersOf(config)
  checkDirectory(config)
  const faults = faultsOfOutgoing(config)
  if (faults.length > 0) throw new ConfigError(faults.join('\n'))
  const url = config.DATABASE_URL ?? postgresUrl(config)
  if (config.DATABASE_REPLICA_URL !== undefined && url === undefined) {
    throw new ConfigError(
      'DATABASE_REPLICA_URL is of no use without the DATABASE_URL that it is a replica of',
    )
  }
  const redis = config.REDIS_NODES.length > 0 ? undefined : (config.REDIS_URL ?? redisUrl(config))
  const whole = {
    ...config,
    ...(url !== undefined && { DATABASE_URL: url }),
    ...(redis !== undefined && { REDIS_URL: redis }),
  }
  const missing = sharedByInstances(whole).filter((name) => whole[name] === undefined)
  if (missing.length > 0) {
    throw new ConfigError(
      missing
        .map((name) => `${name} must be set, the same for every instance that shares a Redis`)
        .join('\n'),
    )
  }
  return whole
}

/** What each instance would otherwise have for itself alone. */
function sharedByInstances({ REDIS_URL, REDIS_NODES }: Config) {
  const isOneOfMany = REDIS_URL !== undefined || REDIS_NODES.length > 0
  return isOneOfMany ? (['DATABASE_URL', 'JWT_SECRET', 'JWT_REFRESH_SECRET'] as const) : []
}

/** Rate is so many per window; `burst` more may be taken now and then. */
export interface Rate {
  readonly points: number
  readonly seconds: number
  readonly burst: number
}

/** commitDeadlineOf is `COMMIT_DEADLINE_SECONDS` in milliseconds, as clocks count. */
export function commitDeadlineOf(config: Config): number {
  return config.COMMIT_DEADLINE_SECONDS * 1_000
}

/** ratesOf is what each bucket of the rate limiter holds. */
export function ratesOf(config: Config) {
  const messages = config.RATE_MESSAGES_PER_SECOND
  const frames = config.RATE_FRAMES_PER_SECOND
  return {
    rest: { points: config.RATE_REST_PER_MINUTE, seconds: 60, burst: 0 },
    auth: { points: config.RATE_AUTH_FAILURES, seconds: 900, burst: 0 },
    message: { points: messages, seconds: 1, burst: 2 * messages },
    frame: { points: frames, seconds: 1, burst: 2 * frames },
    service: { points: config.RATE_SERVICE_PER_MINUTE, seconds: 60, burst: 0 },
    search: { points: config.RATE_SEARCHES_PER_MINUTE, seconds: 60, burst: 0 },
    file: { points: config.RATE_FILES_PER_MINUTE, seconds: 60, burst: 0 },
  } satisfies Record<string, Rate>
}

/** isOrigin tells whether the text is exactly what a browser sends as `Origin`. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text
}

function postgresUrl(config: Config): string | undefined {
  if (config.POSTGRES_HOST === undefined) return undefined
  const user = encodeURIComponent(config.POSTGRES_USER)
  const password =
    config.POSTGRES_PASSWORD === undefined ? '' : `:${encodeURIComponent(config.POSTGRES_PASSWORD)}`
  const database = encodeURIComponent(config.POSTGRES_DB)
  return `postgres://${user}${password}@${config.POSTGRES_HOST}:${config.POSTGRES_PORT}/${database}`
}

function redisUrl({ REDIS_HOST, REDIS_PORT }: Config): string | undefined {
  return REDIS_HOST === undefined ? undefined : `redis://${REDIS_HOST}:${REDIS_PORT}`
}
