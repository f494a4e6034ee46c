import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttpDirectory } from '../../src/auth/http-directory.ts'
import { startWrangler, type Workerd } from '../../src/hosts/node/workerd.ts'
import { createMariadbServer, type MariadbServer } from '../support/mariadb.ts'

const PATIENCE = 90_000
const TOKEN = 'directory-token-0123456789abcdefgh'
const ANN = { issuer: 'cognito', type: 'customer', subject: 'ann-sub' } as const

let mariadb: MariadbServer
let folder: string
let names: Workerd

beforeAll(async () => {
  mariadb = await createMariadbServer()
  await mariadb.run(`
    create table customers (id varchar(64) primary key, name text);
    insert into customers values ('ann-sub', 'Ann Müller');
    create table dentists (id int primary key, name text);
    insert into dentists values (42, 'Dr. Grace Hopper');
    create table customer_notification_mapping (customer_id varchar(64), player_id varchar(64));
    insert into customer_notification_mapping values ('ann-sub', 'player-1'), ('ann-sub', 'player-2'), ('bob-sub', null);
  `)
  folder = mkdtempSync(join(tmpdir(), 'parley-names-'))
  const { MYSQL_USER, MYSQL_PASSWORD, MYSQL_HOST, MYSQL_PORT, MYSQL_DB } = mariadb.settings
  const url = `mysql://${MYSQL_USER}:${MYSQL_PASSWORD}@${MYSQL_HOST}:${MYSQL_PORT}/${MYSQL_DB}`
  names = await startWrangler({
    ...{ config: 'wrangler.names.toml', port: 0, folder, databases: { MYSQL: url } },
    settings: { DIRECTORY_TOKEN: TOKEN, MYSQL_PUSH_TABLE: '{}' },
  })
}, PATIENCE)

afterAll(async () => {
  await names?.end('SIGTERM')
  await mariadb?.remove()
  rmSync(folder, { recursive: true, force: true })
}, PATIENCE)

const directory = (token = TOKEN) =>
  createHttpDirectory({ url: names.url, token, pushIssuers: ['cognito', 'django'], isShared: true })

test(
  'on Cloudflare, names come out of MySQL by an endpoint of its own, which only the service may ask',
  async () => {
    const { find } = directory()
    const wanted = [
      ANN,
      { issuer: 'django', type: 'dentist', subject: '42' },
      { issuer: 'cognito', type: 'customer', subject: 'nobody' },
    ] as const
    const found = await Promise.all(wanted.map(find))
    expect(found.map((entry) => entry?.name)).toEqual(['Ann Müller', 'Dr. Grace Hopper', undefined])
    await expect(directory('x'.repeat(40)).find(ANN)).rejects.toThrow('answered 401')
  },
  PATIENCE,
)

test(
  'on Cloudflare, devices of an older system come out of its MySQL by the same endpoint',
  async () => {
    const { listTokens } = directory()
    const wanted = ['ann-sub', 'bob-sub', 'ANN-SUB', "' or 1=1 -- "].map((subject) => ({ ...ANN, subject }))
    const found = await Promise.all([...wanted, { ...ANN, issuer: 'django' }].map(listTokens))
    expect(found).toEqual([['player-1', 'player-2'], [], [], [], []])
    await expect(directory('x'.repeat(40)).listTokens(ANN)).rejects.toThrow('answered 401')
  },
  PATIENCE,
)

test('on Cloudflare, no statement but SELECT was ever sent to MySQL', () => {
  const sent = mariadb.readStatements().filter(({ command }) => ['Query', 'Execute'].includes(command))
  expect(sent.length).toBeGreaterThan(2)
  expect(sent.filter(({ text }) => !/^(select |set session transaction read only$)/.test(text))).toEqual([])
})

test.each([
  '[]',
  'not JSON',
  '{"users":[{"issuer":"cognito"}]}',
  '{"users":[{"issuer":"cognito","subject":"ann-sub"}]}',
  '{"wants":"pushTokens","users":[{"issuer":"cognito"}]}',
  '{"wants":"passwords","users":[{"issuer":"cognito","subject":"ann-sub","type":"customer"}]}',
])('%s is answered with 400', async (body) => {
  const headers = { Authorization: `Bearer ${TOKEN}` }
  expect((await fetch(names.url, { method: 'POST', headers, body })).status).toBe(400)
})

test(
  'while MySQL is away it answers 503 within the time that the service waits',
  async () => {
    await mariadb.stop()
    await expect(directory().find(ANN)).rejects.toThrow('answered 503')
    await expect(directory().listTokens(ANN)).rejects.toThrow('answered 503')
  },
  PATIENCE,
)
