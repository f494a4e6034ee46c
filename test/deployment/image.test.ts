import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import lock from '../../package-lock.json' with { type: 'json' }
import { findPort } from '../../src/hosts/node/faults/servers/port.ts'
import { buildImage, type Image, ordinaryAccount } from './image.ts'

const run = promisify(execFile)

const account = ordinaryAccount()
let folder: string
let image: Image
let container: ChildProcess | undefined

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-image-'))
  await run('chmod', ['755', folder])
  image = await buildImage(resolve(import.meta.dirname, '../..'), folder, account)
})

afterAll(async () => {
  if (container?.exitCode === null) {
    container.kill('SIGKILL')
    await once(container, 'exit')
  }
  rmSync(folder, { recursive: true, force: true })
})

test('the image holds what the service needs to run, and nothing of what it is developed with', () => {
  const has = (path: string) => existsSync(join(image.folder, path))
  const named = Object.entries(lock.packages).filter(([path]) => path !== '')
  const missing = named.filter(([path, entry]) => !('dev' in entry || 'optional' in entry) && !has(path))
  const surplus = named.filter(([path, entry]) => 'dev' in entry && has(path))
  expect(missing.map(([path]) => path)).toEqual([])
  expect(surplus.map(([path]) => path)).toEqual([])
  for (const path of ['.git', '.env', 'test', 'bench', 'node_modules/node']) expect(has(path)).toBe(false)
})

test('its command serves as an ordinary user, is found healthy, and ends well by SIGTERM', async () => {
  expect(image.user).toBe('node')
  const port = await findPort()
  const env = { ...image.env, PORT: `${port}`, LOG_LEVEL: 'error', DRAIN_SECONDS: '0' }
  const inside = { cwd: image.folder, env, ...account }
  const [program = '', ...args] = image.command
  container = spawn(program, args, { ...inside, stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(container, 'exit')
  const url = `http://127.0.0.1:${port}`
  await ready(url, container)

  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ environment: 'production' })
  expect((await fetch(`${url}/docs`)).status).toBe(200)
  const [probe = '', ...question] = image.healthcheck
  await run(probe, question, inside)

  container.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  await expect(run(probe, question, inside)).rejects.toMatchObject({ code: 1 })
})

async function ready(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined)
    if (answer?.ok) return
    await sleep(100)
  }
  throw new Error(`The service ended with exit code ${child.exitCode}`)
}
