import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../../src/client/client.ts'
import { RawSocket } from '../../../src/conformance/raw-socket.ts'
import { until, untilLive } from '../../../src/hosts/node/demo/until.ts'
import { djangoTokens } from '../../support/django.ts'
import { type Fleet, startFleet } from '../../support/fleet.ts'
import { type IssuerServer, startIssuerServer } from '../../support/issuer-server.ts'
import { createMariadbServer, type MariadbServer } from '../../support/mariadb.ts'
import { DJANGO_SECRET } from '../../support/tokens.ts'

const POOL = 'eu-west-2_AbCdEf123'

let cognito: IssuerServer
let names: MariadbServer
let fleet: Fleet
const clients: Client[] = []

beforeAll(async () => {
  ;[cognito, names] = await Promise.all([startIssuerServer(), createMariadbServer()])
  await names.run(`
    create table customers (id varchar(64) primary key, name text, picture text);
    create table dentists (id int primary key, name text, picture text);
    insert into customers values ('ann-sub', 'Ann Lee', null);
    insert into dentists values (42, 'Dr. Grace Hopper', 'https://cdn.example/grace.png');
  `)
  const table = (issuer: string, type: string) => ({ issuer, type, table: `${type}s`, picture: 'picture' })
  fleet = await startFleet(2, {
    ...names.settings,
    MYSQL_TABLES: JSON.stringify([table('cognito', 'customer'), table('django', 'dentist')]),
    COGNITO_USER_POOL_ID: POOL,
    COGNITO_CLIENT_IDS: 'web',
    COGNITO_ENDPOINT: cognito.url,
    DJANGO_JWT_SECRET: DJANGO_SECRET,
  })
})

afterAll(async () => {
  for (const client of clients) client.disconnect()
  await fleet?.stop()
  await Promise.all([names?.remove(), cognito?.close()])
})

function customerToken(sub: string, seconds = 3_600): Promise<string> {
  const iat = Math.floor(Date.now() / 1_000)
  return cognito.sign({
    ...{ sub, iss: `${cognito.url}/${POOL}`, client_id: 'web', token_use: 'access' },
    ...{ iat, exp: iat + seconds },
  })
}

/** Somebody with a token of another system, at one of the instances. */
async function enter(token: string, instance: number): Promise<Client> {
  const url = fleet.instances[instance]?.url ?? ''
  const client = createClient({ url, tokens: { get: async () => token, renew: async () => token } })
  clients.push(client)
  client.connect()
  await untilLive(client)
  return client
}

async function named(client: Client, name: string): Promise<void> {
  const readName = async () => (await (await client.rest.api.users.me.$get()).json()).user.displayName
  await expect.poll(readName).toBe(name)
}

/** A session of a customer with the dentist whom a search by name finds. */
async function openSession(customer: Client): Promise<string> {
  const { users, sessions } = customer.rest.api
  const { data } = await (await users.search.$get({ query: { q: 'grace' } })).json()
  expect(data.map(({ displayName, type }) => [displayName, type])).toEqual([['Dr. Grace Hopper', 'dentist']])
  const opened = await sessions.$post({ json: { assigneeId: data[0]?.id ?? '' }, header: {} })
  return (await opened.json()).chat.id
}

/** Sends, and waits until the other one has it; how the sender is called there. */
async function say(from: Client, to: Client, chatId: string, content: string) {
  const { seq } = await from.send(chatId, { content })
  await until(to, chatId, ({ applied }) => applied >= seq)
  const sent = to.findChat(chatId)?.messages.find(seq)
  return { content: sent?.content, sender: to.findUser(sent?.senderId ?? '') }
}

test('a customer of Cognito and a dentist of Django talk in a session, by the names of MariaDB; it is stopped, and they go on', async () => {
  const [{ access }] = djangoTokens(DJANGO_SECRET, [{ user_id: 42 }] as const)
  const dentist = await enter(access, 1)
  const customer = await enter(await customerToken('ann-sub'), 0)
  // A busy machine may have shown a placeholder first.
  await Promise.all([named(customer, 'Ann Lee'), named(dentist, 'Dr. Grace Hopper')])
  const chatId = await openSession(customer)
  expect(await say(customer, dentist, chatId, 'It hurts')).toMatchObject({
    content: 'It hurts',
    sender: { displayName: 'Ann Lee', type: 'customer', username: 'cognito:ann-sub' },
  })
  expect(await say(dentist, customer, chatId, 'Since when?')).toMatchObject({
    sender: { displayName: 'Dr. Grace Hopper', avatarUrl: 'https://cdn.example/grace.png' },
  })
  // One instance asked for the keys; another that asks for them finds them in Redis.
  await enter(await customerToken('ann-sub'), 1)
  expect(cognito.asked).toBe(1)

  for (const outage of [names.freeze, names.stop]) {
    await outage()
    for (const content of ['Since Monday', 'Come at noon', 'Thank you']) {
      const spoken = await say(customer, dentist, chatId, content)
      expect(spoken).toMatchObject({ content, sender: { displayName: 'Ann Lee' } })
    }
  }
  const stranger = await enter(await customerToken('new-sub'), 0)
  expect(stranger.account.user?.displayName).toBe('Customer')
  const other = await openSession(stranger)
  const spoken = await say(stranger, dentist, other, 'May I come in?')
  expect(spoken).toMatchObject({ sender: { displayName: 'Customer' } })

  const sent = names.readStatements().filter(({ command }) => command === 'Query' || command === 'Execute')
  expect(sent.filter(({ text }) => !/^(select |set session transaction read only$)/.test(text))).toEqual([])
})

test('a socket ends with its token, unless a fresh one of the same user comes in an auth frame', async () => {
  const open = async (seconds: number) => {
    const Authorization = `Bearer ${await customerToken('bob-sub', seconds)}`
    const url = `${fleet.url.replace('http', 'ws')}/ws`
    return new RawSocket(url, { protocols: ['parley.v1'], headers: { Authorization } })
  }
  // Made before, as Python takes its time while the clock of the others runs.
  const [{ access }] = djangoTokens(DJANGO_SECRET, [{ user_id: 42 }] as const)
  const [left, renewed] = [await open(5), await open(5)]
  await Promise.all([left.hello(), renewed.hello()])
  await renewed.refused('auth', { token: access }, { code: 'FORBIDDEN' })
  await renewed.refused('auth', { token: await customerToken('bob-sub', -1) }, { code: 'UNAUTHORIZED' })
  const { expiresAt } = await renewed.ask('auth', { token: await customerToken('bob-sub') })
  expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() + 3_000_000)
  expect((await left.closed).code).toBe(4401)
  expect(await renewed.ask('ping', {})).toHaveProperty('serverTime')
  renewed.close()
})
