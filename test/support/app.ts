import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { z } from 'zod'
import { type AppDeps, createApp } from '../../src/app.ts'
import { parseConfig, ratesOf } from '../../src/config.ts'
import { createCommitter } from '../../src/db/commit.ts'
import { connect, type Database } from '../../src/db/connect.ts'
import { createIndexer } from '../../src/db/indexer.ts'
import { createJobStore } from '../../src/db/jobs.ts'
import { createChangesReader } from '../../src/db/queries/changes.ts'
import { createRoomStore } from '../../src/db/room-store.ts'
import { createMemoryPresence } from '../../src/gateway/memory.ts'
import { asset } from '../../src/hosts/node/assets.ts'
import { openFiles } from '../../src/hosts/node/files/open.ts'
import { ids, clock as realClock } from '../../src/hosts/shared/clock.ts'
import { createLimiter, createOpenLimiter } from '../../src/hosts/shared/limiter.ts'
import type { ErrorBody } from '../../src/protocol/errors.ts'
import { LoggedIn } from '../../src/protocol/rest.ts'
import { createRooms } from '../../src/rooms/directory.ts'
import { issuersOf } from '../../src/settings/issuers.ts'
import { filesOutbox } from '../../src/workers/remove-files.ts'
import { COMMIT_DEADLINE_SECONDS } from '../support/patience.ts'
import { createTestAuth, PASSWORD, type TestAuth } from './auth.ts'
import { createDeclaredCheck } from './declared.ts'
import { createTestDatabase, type TestDatabase } from './postgres.ts'

export interface TestRequest {
  readonly token?: string | undefined
  readonly body?: unknown
  /** A form with files. */
  readonly form?: FormData
  /** A body that goes as it is. */
  readonly text?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Readonly<Record<string, string>>
  /** The other end of the connection. */
  readonly address?: string
}

export interface TestAnswer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails when it is not there
  readonly body: any
  readonly text: string
}

export interface TestUser {
  readonly id: string
  readonly username: string
  readonly token: string
  readonly refreshToken: string
}

/** TestApp is the whole HTTP side over a real database, with all that it logs. */
export interface TestApp {
  readonly app: ReturnType<typeof createApp>
  readonly deps: AppDeps
  readonly auth: TestAuth
  readonly database: TestDatabase
  readonly db: Database
  readonly logged: object[]
  /** `GET /api/users/me`. */
  call(route: string, request?: TestRequest): Promise<TestAnswer>
  /** A user of the name, registered and logged in. */
  user(username?: string): Promise<TestUser>
  close(): Promise<void>
}

export async function createTestApp(
  settings: Record<string, string> = {},
  overrides: Partial<AppDeps> = {},
): Promise<TestApp> {
  const config = parseConfig({ NODE_ENV: 'test', RATE_LIMITS: 'off', ...settings })
  const database = await createTestDatabase()
  const commitDeadline = COMMIT_DEADLINE_SECONDS * 1_000
  const db = await connect({ url: database.url, deadline: commitDeadline, onFault() {} })
  const rates = ratesOf(config)
  const limiter = config.RATE_LIMITS === 'off' ? createOpenLimiter() : createLimiter(rates)
  const auth = await createTestAuth(db, limiter, { issuers: issuersOf(config) })
  const logged: object[] = []
  const log = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, message, ...fields })
  const { clock, broadcast } = auth
  const onFault = log('error')
  const faulty = (error: unknown) => onFault({ error }, 'fault')
  const indexer = createIndexer(db, { clock: realClock, language: config.SEARCH_LANGUAGE, onFault: faulty })
  const committer = createCommitter(db, { outbox: filesOutbox, onMessages: indexer.changed, onFault: faulty })
  const rooms = createRooms({
    store: createRoomStore(db, committer),
    broadcast,
    clock: realClock,
    ids,
    onFault: (fault) => onFault(fault, 'fault'),
    commitDeadline,
  })
  const jobs = { add: createJobStore(db, { onAdded() {} }).add, wake() {} }
  const folder = mkdtempSync(join(tmpdir(), 'parley-blobs-'))
  const files = await openFiles({
    ...{ config: { ...config, BLOBS_DIR: folder }, db, clock, ids, jobs, onFault: faulty },
    secret: 'the secret of the tests',
  })
  const deps: AppDeps = {
    config,
    rates,
    limiter,
    logger: { info: log('info'), warn: log('warn'), error: log('error') },
    clock,
    ids,
    db,
    auth: auth.auth,
    rooms,
    changes: createChangesReader(db),
    presence: createMemoryPresence(),
    broadcast,
    jobs,
    attachments: files.attachments,
    health: async () => ({
      status: 'ok',
      timestamp: new Date(clock.now()).toISOString(),
      uptime: 1,
      environment: config.NODE_ENV,
      version: 'test',
      services: { database: 'ok', replica: 'off', redis: 'off', storage: 'off' },
    }),
    asset,
    remoteAddress: (context) => context.env?.address ?? null,
    upgrade: (context, { principal }) => context.json({ opened: principal.user.username }),
    ...overrides,
  }
  const app = createApp(deps)
  const checkDeclared = createDeclaredCheck(app)
  let count = 0

  async function call(route: string, request: TestRequest = {}): Promise<TestAnswer> {
    const [method = '', path = ''] = route.split(' ')
    const body =
      request.form ?? request.text ?? (request.body === undefined ? undefined : JSON.stringify(request.body))
    const headers = {
      ...(body !== undefined && !request.form && { 'Content-Type': 'application/json' }),
      ...(request.token !== undefined && { Authorization: `Bearer ${request.token}` }),
      ...request.headers,
    }
    const init = { method, headers, ...(body !== undefined && { body }) }
    const response = await app.request(path, init, { address: request.address ?? null })
    const text = await response.text()
    const isJson = response.headers.get('Content-Type')?.startsWith('application/json')
    const answer = {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    }
    checkDeclared(method, path, answer)
    return answer
  }

  async function user(username?: string): Promise<TestUser> {
    count += 1
    const name = username ?? `user${count}`
    const given = { username: name, password: PASSWORD, passwordConfirm: PASSWORD }
    const answer = await call('POST /api/auth/register', { body: given })
    const { accessToken, refreshToken, user: me } = LoggedIn.parse(answer.body)
    return { id: me.id, username: name, token: accessToken, refreshToken: refreshToken ?? '' }
  }

  async function close(): Promise<void> {
    rooms.drain()
    await committer.close()
    await indexer.close()
    await db.close()
    await files.close()
    rmSync(folder, { recursive: true, force: true })
    await database.drop()
  }

  return { app, deps, auth, database, db, logged, call, user, close }
}

/** The error of an answer that has to be one. */
export function errorOf({ body }: TestAnswer): z.infer<typeof ErrorBody> {
  return body.error
}
