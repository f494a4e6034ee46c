import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestApp, errorOf, type TestApp, type TestUser } from '../support/app.ts'

describe('dead letters', () => {
  let it: TestApp
  let admin: TestUser
  beforeAll(async () => {
    it = await createTestApp()
    admin = await it.user()
    await it.db.pool.query(`update users set type = 'admin' where id = $1`, [admin.id])
  })
  afterAll(() => it.close())

  async function bury(kind: string): Promise<string> {
    const id = uuidv7()
    await it.db.pool.query(
      `insert into jobs (id, kind, payload, run_at, attempts, state, last_error)
       values ($1, $2, '{"chatId": "a chat"}', now(), 8, 'dead', 'the provider is down')`,
      [id, kind],
    )
    return id
  }

  const call = (route: string, body?: object) => it.call(route, { token: admin.token, body })

  test('are listed to an administrator, page by page', async () => {
    const ids = [await bury('push'), await bury('push'), await bury('webhook')]
    const first = await call('GET /api/admin/jobs?limit=2')
    expect(first.body).toMatchObject({
      data: [
        { id: ids[0], kind: 'push', attempts: 8, lastError: 'the provider is down', chatId: 'a chat' },
        { id: ids[1] },
      ],
      hasMore: true,
    })
    const second = await call(`GET /api/admin/jobs?limit=2&cursor=${first.body.nextCursor}`)
    expect(second.body).toMatchObject({ data: [{ id: ids[2] }], hasMore: false, nextCursor: null })
  })

  test('are tried again one by one, by kind, or all', async () => {
    const id = await bury('one')
    expect((await call(`POST /api/admin/jobs/${id}/retry`)).status).toBe(204)
    expect(errorOf(await call(`POST /api/admin/jobs/${id}/retry`))).toMatchObject({
      code: 'NOT_FOUND',
      details: [{ field: 'id' }],
    })
    await bury('two')
    expect((await call('POST /api/admin/jobs/retry', { kind: 'two' })).body).toEqual({ retried: 1 })
    await bury('three')
    expect((await call('POST /api/admin/jobs/retry', {})).body.retried).toBeGreaterThanOrEqual(1)
    const { rows } = await it.db.pool.query(`select from jobs where state = 'dead'`)
    expect(rows).toEqual([])
  })

  test('are thrown away', async () => {
    const id = await bury('push')
    expect((await call(`DELETE /api/admin/jobs/${id}`)).status).toBe(204)
    expect((await call(`DELETE /api/admin/jobs/${id}`)).status).toBe(404)
  })

  test.each([
    ['GET /api/admin/jobs?limit=0', undefined, 'limit'],
    ['GET /api/admin/jobs?cursor=x', undefined, 'cursor'],
    ['GET /api/admin/jobs?state=ready', undefined, 'state'],
    ['POST /api/admin/jobs/retry', { kind: 7 }, 'kind'],
    ['POST /api/admin/jobs/retry', { id: 'x' }, 'id'],
    ['POST /api/admin/jobs/x/retry', undefined, 'id'],
    ['DELETE /api/admin/jobs/x', undefined, 'id'],
  ])('%s with %j is refused, naming %s', async (route, body, field) => {
    const answer = await call(route, body)
    expect(errorOf(answer)).toMatchObject({ code: 'VALIDATION_ERROR', details: [{ field }] })
  })

  test('are none of anybody else’s business', async () => {
    const somebody = await it.user()
    const answer = await it.call('GET /api/admin/jobs', { token: somebody.token })
    expect(errorOf(answer)).toMatchObject({ code: 'FORBIDDEN', message: 'Only administrators may do this' })
  })
})
