import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import { type Server, startServer } from '../support/server.ts'

const PASSWORD = 'Tea-at-4!'

let server: Server

beforeAll(async () => {
  server = await startServer()
})

afterAll(() => server?.stop())

test('what an instance does shows in /metrics, by names that dashboards and alerts can rely on', async () => {
  const client = createClient({ url: server.url })
  await client.register({ username: 'ann', password: PASSWORD })
  client.connect()
  const { id } = await client.createGroup('Tea', [])
  for (const content of ['one', 'two', 'three']) await client.send(id, { content })

  const samples = await scrape()
  expect(samples.get('websocket_connections_active')).toBe(1)
  expect(samples.get('messages_processed_total{type="message:send",status="ok"}')).toBe(3)
  expect(samples.get('parley_turn_changes_count')).toBeGreaterThanOrEqual(4)
  expect(samples.get('parley_commit_duration_seconds_count')).toBe(samples.get('parley_turn_changes_count'))
  expect(samples.get('database_query_duration_seconds_count{query_type="commit"}')).toBeGreaterThan(0)
  expect(samples.get('database_query_duration_seconds_count{query_type="select"}')).toBeGreaterThan(0)
  expect(
    samples.get(
      'http_request_duration_seconds_count{method="POST",route="/api/auth/register",status_code="201"}',
    ),
  ).toBe(1)
  expect(samples.get('parley_rooms_active')).toBe(1)
  expect(samples.get('parley_instances')).toBe(1)
  for (const name of [
    ...['parley_commit_conflicts_total', 'parley_repairs_total', 'parley_mailbox_commands'],
    ...['nodejs_eventloop_lag_seconds', 'process_resident_memory_bytes'],
  ]) {
    expect(samples.get(name), name).toBeGreaterThanOrEqual(0)
  }
  for (const name of samples.keys()) expect(name).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/)

  client.disconnect()
  await expect.poll(async () => (await scrape()).get('websocket_connections_active')).toBe(0)
})

/** Every sample by its name and labels. */
async function scrape(): Promise<Map<string, number>> {
  const response = await fetch(`${server.url}/metrics`)
  expect(response.status).toBe(200)
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line): [string, number] => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end), Number(line.slice(end + 1))]
    }),
  )
}
