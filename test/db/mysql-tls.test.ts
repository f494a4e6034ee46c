import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { openDirectory } from '../../src/hosts/node/directory.ts'
import { type Certificates, createCertificates } from '../support/certificates.ts'
import { createMariadbServer, type MariadbServer } from '../support/mariadb.ts'

const ANN = { issuer: 'cognito', type: 'customer', subject: 'ann-sub' } as const

const made: Certificates[] = []
let mine: Certificates
let server: MariadbServer

beforeAll(async () => {
  mine = certificates('localhost')
  server = await createMariadbServer(mine)
  await server.run(`
    create table customers (id varchar(64) primary key, name text);
    insert into customers values ('ann-sub', 'Ann Lee');
    alter user reader@'127.0.0.1' require ssl;
  `)
})

afterAll(async () => {
  await server.remove()
  for (const { folder } of made) rmSync(folder, { recursive: true, force: true })
})

function certificates(name: string): Certificates {
  const all = createCertificates(name)
  made.push(all)
  return all
}

/** The name of Ann by these settings. */
async function find(settings: Record<string, string>): Promise<unknown> {
  const { directory, close } = await openDirectory(parseConfig({ ...server.settings, ...settings }))
  try {
    return (await directory?.find(ANN))?.name
  } finally {
    await close()
  }
}

const TLS = { MYSQL_HOST: 'localhost', MYSQL_TLS: 'on' }

test('names come over TLS where the certificate is of the authority and for the host', async () => {
  expect(await find({ ...TLS, MYSQL_CA: mine.ca })).toBe('Ann Lee')
})

test('without TLS a server that asks for it lets nobody in', async () => {
  await expect(find({})).rejects.toThrow(/denied/i)
})

test('no other certificate is taken: not of an authority that is not named, nor for another host', async () => {
  await expect(find(TLS)).rejects.toThrow(/certificate/i)
  await expect(find({ ...TLS, MYSQL_CA: certificates('localhost').ca })).rejects.toThrow(
    /certificate|signature/i,
  )
  const other = certificates('names.example.org')
  const elsewhere = await createMariadbServer(other)
  try {
    const settings = { ...elsewhere.settings, ...TLS, MYSQL_CA: other.ca }
    await expect(find(settings)).rejects.toThrow(/altnames/i)
  } finally {
    await elsewhere.remove()
  }
})

test.each([
  [{ MYSQL_CA: '/no/such/file', ...TLS }, 'MYSQL_CA must be the path'],
  [{ MYSQL_CA: '/no/such/file', MYSQL_TLS: 'off' }, 'MYSQL_TLS must be on'],
  [{ MYSQL_TLS: 'on', MYSQL_HOST: '10.0.0.1' }, 'MYSQL_HOST must be the name'],
  [{ MYSQL_TLS: 'yes' }, 'MYSQL_TLS must be on or off'],
])('%j ends the start, and says why', async (settings, message) => {
  await expect(find(settings)).rejects.toThrow(message)
})
