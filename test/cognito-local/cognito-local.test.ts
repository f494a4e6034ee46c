import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Rest } from '../../src/conformance/rest.ts'
import { djangoTokens } from '../support/django.ts'
import { type Server, startServer } from '../support/server.ts'
import { DJANGO_SECRET } from '../support/tokens.ts'
import { type CognitoLocal, startCognitoLocal } from './cognito-local.ts'

const PATIENCE = { timeout: 60_000 }

describe('a customer who logs in at cognito-local', () => {
  let cognito: CognitoLocal
  let server: Server
  let rest: Rest

  beforeAll(async () => {
    cognito = await startCognitoLocal()
    server = await startServer({
      env: {
        COGNITO_USER_POOL_ID: cognito.poolId,
        COGNITO_CLIENT_IDS: cognito.clientId,
        COGNITO_ENDPOINT: cognito.url,
        DJANGO_JWT_SECRET: DJANGO_SECRET,
      },
    })
    rest = new Rest(server.url)
  }, PATIENCE.timeout)

  afterAll(async () => {
    await server?.stop()
    await cognito?.close()
  })

  const userOf = async (token: string) => (await rest.call('GET /api/users/me', { token })).data.user

  test(
    'talks in a session with a dentist of Django, each by the token that their system made',
    PATIENCE,
    async () => {
      const [{ access }] = djangoTokens(DJANGO_SECRET, [{ user_id: 42 }] as const)
      const { AccessToken } = await cognito.logIn('ann@example.org')
      const [customer, dentist] = [await userOf(AccessToken), await userOf(access)]
      expect([customer.type, dentist.type]).toEqual(['customer', 'dentist'])
      const body = { assigneeId: dentist.id }
      const { chat } = (await rest.call('POST /api/sessions', { token: AccessToken, body })).data
      const say = (token: string, content: string) =>
        rest.call('POST /api/chats/:id/messages', { token, params: { id: chat.id }, body: { content } })
      await say(AccessToken, 'It hurts')
      await say(access, 'Since when?')
      // The next login is another token of the same user.
      const { AccessToken: token } = await cognito.logIn('ann@example.org')
      const reading = { token, params: { id: chat.id }, query: { limit: 2 } }
      const { data } = (await rest.call('GET /api/chats/:id/messages', reading)).data
      expect(data.map(({ content, senderId }) => [content, senderId])).toEqual([
        ['Since when?', dentist.id],
        ['It hurts', customer.id],
      ])
    },
  )

  test('is another user than who logs in by another name', PATIENCE, async () => {
    const [ann, bob] = [await cognito.logIn('ann@example.org'), await cognito.logIn('bob@example.org')]
    expect((await userOf(ann.AccessToken)).id).not.toBe((await userOf(bob.AccessToken)).id)
  })

  test('is refused with an id token, and with an access token that was changed', PATIENCE, async () => {
    const { AccessToken, IdToken } = await cognito.logIn('ann@example.org')
    const [head, , signature] = AccessToken.split('.')
    const payload = Buffer.from('{"sub":"root","token_use":"access"}').toString('base64url')
    for (const token of [IdToken, `${head}.${payload}.${signature}`]) {
      await rest.refused('GET /api/users/me', { token }, { code: 'UNAUTHORIZED' })
    }
  })
})
