import { afterEach, expect, test } from 'vitest'
import { type Server, startServer } from '../support/server.ts'

let server: Server | undefined

afterEach(async () => {
  await server?.stop()
  server = undefined
})

test('a server that was killed starts again on its port and folder, with its people', async () => {
  server = await startServer()
  const { url } = server
  const firstPid = server.pid()
  expect(await statusOf(`${url}/health/ready`)).toBe(200)
  const account = { username: 'ann', password: 'Tea-at-4!' }
  expect(await post(`${url}/api/auth/register`, { ...account, passwordConfirm: account.password })).toBe(201)

  await server.kill()
  await expect(fetch(`${url}/health/ready`)).rejects.toThrow()
  await server.restart()

  expect(server.pid()).not.toBe(firstPid)
  expect(await statusOf(`${url}/health/ready`)).toBe(200)
  expect(await post(`${url}/api/auth/login`, account)).toBe(200)
})

async function statusOf(url: string): Promise<number> {
  return (await fetch(url)).status
}

async function post(url: string, body: object): Promise<number> {
  const headers = { 'Content-Type': 'application/json' }
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status
}
