import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { createMysqlDirectory, type MysqlDirectory } from '../../src/db/mysql-directory.ts'
import { openDirectory } from '../../src/hosts/node/directory.ts'
import { createMariadbServer, type MariadbServer } from '../support/mariadb.ts'
import { BUSY } from '../support/patience.ts'

let server: MariadbServer
let directory: MysqlDirectory

const TABLES = [
  {
    issuer: 'cognito',
    type: 'customer',
    table: 'customers',
    id: 'cognito_sub',
    name: ['first', 'last'],
    picture: 'photo',
  },
  { issuer: 'django', type: 'dentist', table: 'dentists' },
]
const customer = (subject: string) => ({ issuer: 'cognito', type: 'customer', subject }) as const
const dentist = (subject: string) => ({ issuer: 'django', type: 'dentist', subject }) as const

beforeAll(async () => {
  server = await createMariadbServer()
  await server.run(`
    create table customers (cognito_sub varchar(64) primary key, first text, last text, photo text);
    insert into customers values
      ('ann-sub', 'Ann', 'Müller', 'https://cdn.example/ann.png'),
      ('bob-sub', 'Bob', null, null),
      ('d''or', 'Dora', 'D''Or', null);
    create table dentists (id int primary key auto_increment, name text);
    insert into dentists values (42, 'Dr. Grace Hopper');
    insert into dentists (name) select concat('Dr. ', seq) from seq_1_to_1000;
    create table customer_notification_mapping (customer_id varchar(64), player_id varchar(64));
    insert into customer_notification_mapping values
      ('ann-sub', 'player-1'), ('ann-sub', 'player-2'), ('bob-sub', null), ('eve-sub', 'player-3');
  `)
})

afterAll(() => server.remove())

beforeEach(async () => {
  directory = open()
  return () => directory.close()
})

function open(tables: object[] = TABLES): MysqlDirectory {
  const config = parseConfig({
    ...server.settings,
    MYSQL_TABLES: JSON.stringify(tables),
    MYSQL_PUSH_TABLE: '{}',
  })
  return createMysqlDirectory({
    host: '127.0.0.1',
    port: config.MYSQL_PORT,
    database: config.MYSQL_DB ?? '',
    user: config.MYSQL_USER ?? '',
    password: config.MYSQL_PASSWORD,
    tables: config.MYSQL_TABLES,
    pushTable: config.MYSQL_PUSH_TABLE,
  })
}

test('names and pictures are read by the subject, from the table of the issuer and type', async () => {
  expect(await directory.find(customer('ann-sub'))).toEqual({
    name: 'Ann Müller',
    picture: 'https://cdn.example/ann.png',
  })
  expect(await directory.find(customer('bob-sub'))).toEqual({ name: 'Bob', picture: null })
  expect(await directory.find(dentist('42'))).toMatchObject({ name: 'Dr. Grace Hopper' })
  expect(await directory.find(customer('nobody'))).toBeUndefined()
})

test('nobody has the name of somebody else: not by another issuer or type, nor by what MySQL takes for the same', async () => {
  for (const wanted of [
    { issuer: 'acme', type: 'customer', subject: 'ann-sub' } as const,
    { issuer: 'django', type: 'admin', subject: '42' } as const,
    ...['42x', '42.0', ' 42', '042', '4.2e1'].map(dentist),
    ...['ANN-SUB', 'ann-sub ', 'ann%'].map(customer),
  ]) {
    expect(await directory.find(wanted), JSON.stringify(wanted)).toBeUndefined()
  }
})

test.each(["' or 1=1 -- ", "\\' or 1=1 -- ", '`', "d'or; drop table customers", 'x'.repeat(255), '💥'])(
  'a subject is a value and nothing else: %s',
  async (subject) => {
    expect(await directory.find(customer(subject))).toBeUndefined()
    expect(await directory.find(customer("d'or"))).toMatchObject({ name: "Dora D'Or" })
  },
)

test('1,000 names at once are a few statements', async () => {
  const before = server.readStatements().filter(({ command }) => command === 'Execute').length
  const ids = Array.from({ length: 1_000 }, (_, index) => String(43 + index))
  const found = await Promise.all(ids.map((id) => directory.find(dentist(id))))
  expect(found.filter((entry) => entry !== undefined)).toHaveLength(1_000)
  const after = server.readStatements().filter(({ command }) => command === 'Execute').length
  expect(after - before).toBeLessThan(15)
})

test('with the settings alone the tables are customers and dentists', async () => {
  const { directory: byDefault, close } = await openDirectory(parseConfig(server.settings))
  expect(await byDefault?.find(dentist('42'))).toMatchObject({ name: 'Dr. Grace Hopper' })
  await close()
})

test('a table that is not there fails alone, and the others go on', async () => {
  const half = open([{ ...TABLES[0], table: 'missing' }, TABLES[1] ?? {}])
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await expect(half.find(customer('ann-sub'))).rejects.toThrow("doesn't exist")
    expect(await half.find(dentist('42'))).toBeDefined()
  }
  await half.close()
})

test('a server that is away is asked in vain three times, and then now and again; when it is back, it is used', async () => {
  await directory.find(dentist('42'))
  await server.stop()
  for (let attempt = 0; attempt < 3; attempt += 1) await directory.find(dentist('42')).catch(() => {})
  const all = await Promise.allSettled(Array.from({ length: 1_000 }, () => directory.find(dentist('42'))))
  expect(all.every(({ status }) => status === 'rejected')).toBe(true)
  await server.start()
  await expect.poll(() => directory.find(dentist('42')).catch(() => undefined)).toBeDefined()
})

test('a server that hangs is given up within 2 seconds', async () => {
  await directory.find(dentist('42'))
  await server.freeze()
  const before = performance.now()
  await expect(directory.find(dentist('42'))).rejects.toThrow()
  expect(performance.now() - before).toBeLessThan(2_000 + BUSY)
  server.thaw()
  await expect.poll(() => directory.find(dentist('42')).catch(() => undefined)).toBeDefined()
})

test('no statement but SELECT was ever sent, each in a session that can only read', () => {
  const statements = server.readStatements()
  const isKnown = ({ command, text }: { command: string; text: string }) =>
    ['Connect', 'Quit'].includes(command) ||
    (command === 'Query' && text === 'set session transaction read only') ||
    (['Prepare', 'Execute'].includes(command) && text.startsWith('select cast(')) ||
    command === 'Close'
  expect(statements.filter((statement) => !isKnown(statement))).toEqual([])
  const count = (wanted: string) => statements.filter(({ command }) => command === wanted).length
  expect(count('Query')).toBe(count('Connect'))
  expect(count('Execute')).toBeGreaterThan(20)
})

test('devices that an older system has registered are those of the user and of nobody else', async () => {
  const tokensOf = (subject: string) => directory.listTokens({ issuer: 'cognito', subject })
  expect((await tokensOf('ann-sub')).toSorted()).toEqual(['player-1', 'player-2'])
  expect(await tokensOf('bob-sub')).toEqual([])
  expect(await tokensOf('ANN-SUB')).toEqual([])
  expect(await tokensOf("' or 1 = 1 -- ")).toEqual([])
  expect(await directory.listTokens({ issuer: 'django', subject: 'ann-sub' })).toEqual([])
  expect([directory.hasTokensOf('cognito'), directory.hasTokensOf('django')]).toEqual([true, false])
})
