import { afterAll, beforeAll, expect, test } from 'vitest'
import { RawSocket } from '../../src/conformance/raw-socket.ts'
import type { Me } from '../../src/protocol/model.ts'
import { type DirectoryServer, startDirectoryServer } from '../support/directory-server.ts'
import { type IssuerServer, startIssuerServer } from '../support/issuer-server.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'
import { startWorkerdServer, type WorkerdServer } from '../support/workerd.ts'

const POOL = 'eu-west-2_AbCdEf123'

let cognito: IssuerServer
let names: DirectoryServer
let server: WorkerdServer

beforeAll(async () => {
  cognito = await startIssuerServer()
  names = await startDirectoryServer()
  server = await startWorkerdServer({
    COGNITO_USER_POOL_ID: POOL,
    COGNITO_CLIENT_IDS: 'web',
    COGNITO_ENDPOINT: cognito.url,
    DJANGO_JWT_SECRET: DJANGO_SECRET,
    ...names.settings,
  })
})

afterAll(async () => {
  await server?.stop()
  await Promise.all([cognito?.close(), names?.close()])
})

function customerToken(sub: string, header?: { readonly kid: string }): Promise<string> {
  const iat = Math.floor(Date.now() / 1_000)
  const payload = { sub, iss: `${cognito.url}/${POOL}`, client_id: 'web', token_use: 'access' }
  return cognito.sign({ ...payload, iat, exp: iat + 3_600 }, header)
}

async function readMe(token: string) {
  const answer = await fetch(`${server.url}/api/users/me`, { headers: { Authorization: `Bearer ${token}` } })
  const { user } = (await answer.json()) as { user: Me }
  return { status: answer.status, user }
}

test('on Cloudflare, users of other issuers come in all at once, by names of an endpoint, and keys are fetched once', async () => {
  const tokens = await Promise.all(
    Array.from({ length: 30 }, (_, index) => customerToken(`sub-${index % 3}`)),
  )
  const all = await Promise.all(tokens.map(readMe))
  expect(all.map(({ status }) => status)).toEqual(all.map(() => 200))
  expect(new Set(all.map(({ user }) => user.id)).size).toBe(3)
  expect(cognito.asked).toBe(1)
  const readName = async () => (await readMe(await customerToken('sub-0'))).user.displayName
  await expect.poll(readName).toBe('Name of sub-0')

  const forged = await Promise.all(
    Array.from({ length: 30 }, async (_, index) =>
      readMe(await customerToken('sub-0', { kid: `x${index}` })),
    ),
  )
  expect(forged.map(({ status }) => status)).toEqual(forged.map(() => 401))
  expect(cognito.asked).toBe(1)
})

test('on Cloudflare, an open socket is renewed by a token of its issuer, and of no other user', async () => {
  const headers = { Authorization: `Bearer ${await customerToken('sub-0')}` }
  const socket = new RawSocket(`${server.url.replace('http', 'ws')}/ws`, {
    protocols: ['parley.v1'],
    headers,
  })
  expect((await socket.hello()).user.username).toBe('cognito:sub-0')
  const { expiresAt } = await socket.ask('auth', { token: await customerToken('sub-0') })
  expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now())
  await socket.refused(
    'auth',
    { token: await djangoToken(Date.now(), { user_id: 1 }) },
    { code: 'FORBIDDEN' },
  )
  await socket.refused('auth', { token: 'a.b.c' }, { code: 'UNAUTHORIZED' })
  socket.close()
})
