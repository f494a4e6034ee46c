import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttpDirectory } from '../../src/auth/http-directory.ts'
import { type Client, createClient } from '../../src/client/client.ts'
import { until, untilLive } from '../../src/hosts/node/demo/until.ts'
import { createProvider } from '../../src/hosts/node/faults/servers/provider.ts'
import { startWrangler, type Workerd } from '../../src/hosts/node/workerd.ts'
import { startIssuerServer } from '../support/issuer-server.ts'
import { createMariadbServer, type MariadbServer } from '../support/mariadb.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'
import { startWorkerdServer } from '../support/workerd.ts'

const POOL = 'eu-west-2_AbCdEf123'
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
})

afterAll(async () => {
  await names?.end('SIGTERM')
  await mariadb?.remove()
  rmSync(folder, { recursive: true, force: true })
})

const directory = (token = TOKEN) =>
  createHttpDirectory({ url: names.url, token, pushIssuers: ['cognito', 'django'], isShared: true })

test('on Cloudflare, names come out of MySQL by an endpoint of its own, which only the service may ask', async () => {
  const { find } = directory()
  const wanted = [
    ANN,
    { issuer: 'django', type: 'dentist', subject: '42' },
    { issuer: 'cognito', type: 'customer', subject: 'nobody' },
  ] as const
  const found = await Promise.all(wanted.map(find))
  expect(found.map((entry) => entry?.name)).toEqual(['Ann Müller', 'Dr. Grace Hopper', undefined])
  await expect(directory('x'.repeat(40)).find(ANN)).rejects.toThrow('answered 401')
})

test('on Cloudflare, devices of an older system come out of its MySQL by the same endpoint', async () => {
  const { listTokens } = directory()
  const wanted = ['ann-sub', 'bob-sub', 'ANN-SUB', "' or 1=1 -- "].map((subject) => ({ ...ANN, subject }))
  const found = await Promise.all([...wanted, { ...ANN, issuer: 'django' }].map(listTokens))
  expect(found).toEqual([['player-1', 'player-2'], [], [], [], []])
  await expect(directory('x'.repeat(40)).listTokens(ANN)).rejects.toThrow('answered 401')
})

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

/** A service on Cloudflare whose users are of Cognito and Django, with names and devices out of MySQL. */
async function startService() {
  const [cognito, provider] = await Promise.all([startIssuerServer(), createProvider()])
  const server = await startWorkerdServer({
    COGNITO_USER_POOL_ID: POOL,
    COGNITO_CLIENT_IDS: 'web',
    COGNITO_ENDPOINT: cognito.url,
    DJANGO_JWT_SECRET: DJANGO_SECRET,
    DIRECTORY_URL: names.url,
    DIRECTORY_TOKEN: TOKEN,
    DIRECTORY_PUSH_ISSUERS: 'cognito',
    ONESIGNAL_APP_ID: 'app',
    ONESIGNAL_API_KEY: 'key',
    ONESIGNAL_URL: provider.url,
    PUSH_DELAY_SECONDS: '1',
    PUSH_COLLAPSE_SECONDS: '0',
  })
  const iat = Math.floor(Date.now() / 1_000)
  const payload = { sub: ANN.subject, iss: `${cognito.url}/${POOL}`, client_id: 'web', token_use: 'access' }
  const clients: Client[] = []
  return {
    provider,
    tokens: {
      ann: await cognito.sign({ ...payload, iat, exp: iat + 3_600 }),
      grace: await djangoToken(Date.now(), { user_id: 42 }),
    },
    async enter(token: string): Promise<Client> {
      const tokens = { get: async () => token, renew: async () => token }
      const client = createClient({ url: server.url, tokens })
      clients.push(client)
      client.connect()
      await untilLive(client)
      return client
    },
    async stop() {
      for (const client of clients) client.disconnect()
      await server.stop()
      await Promise.all([cognito.close(), provider.close()])
    },
  }
}

async function named(client: Client, name: string): Promise<void> {
  const readName = async () => (await (await client.rest.api.users.me.$get()).json()).user.displayName
  await expect.poll(readName).toBe(name)
}

test('on Cloudflare, a customer and a dentist talk by their names in MySQL, who is away gets a push on the phones there, and without MySQL they go on', async () => {
  const { provider, tokens, enter, stop } = await startService()
  try {
    const [ann, grace] = [await enter(tokens.ann), await enter(tokens.grace)]
    await Promise.all([named(ann, 'Ann Müller'), named(grace, 'Dr. Grace Hopper')])
    const { id: assigneeId = '' } = grace.account.user ?? {}
    const opened = await ann.rest.api.sessions.$post({ json: { assigneeId }, header: {} })
    const chatId = (await opened.json()).chat.id
    const { seq } = await ann.send(chatId, { content: 'It hurts' })
    await until(grace, chatId, ({ applied }) => applied >= seq)
    expect(grace.findUser(ann.account.user?.id ?? '')).toMatchObject({ displayName: 'Ann Müller' })

    ann.disconnect()
    const { seq: answered } = await grace.send(chatId, { content: 'Come at noon' })
    const [push] = await provider.taken(1)
    expect(JSON.parse(push?.text ?? '')).toMatchObject({
      include_subscription_ids: ['player-1', 'player-2'],
      headings: { en: 'Dr. Grace Hopper' },
      contents: { en: 'Come at noon' },
    })

    await mariadb.stop()
    const back = await enter(tokens.ann)
    await until(back, chatId, ({ applied }) => applied >= answered)
    const { seq: thanked } = await back.send(chatId, { content: 'Thank you' })
    await until(grace, chatId, ({ applied }) => applied >= thanked)
    expect(grace.findChat(chatId)?.messages.find(thanked)?.content).toBe('Thank you')
  } finally {
    await stop()
    await mariadb.start()
  }
})

test('while MySQL is away it answers 503 within the time that the service waits', async () => {
  await mariadb.stop()
  await expect(directory().find(ANN)).rejects.toThrow('answered 503')
  await expect(directory().listTokens(ANN)).rejects.toThrow('answered 503')
})
