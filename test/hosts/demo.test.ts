import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { endCommands, runCommand } from './command.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-demo-test-'))
})

afterEach(async () => {
  await endCommands()
  rmSync(folder, { recursive: true, force: true })
})

describe('parley demo', () => {
  test('shows what each of two people hears, and leaves a service that both may use', async () => {
    const occupied = await occupyPort()
    const demo = runCommand(['demo'], { PORT: String(occupied.port), TMPDIR: folder })
    await demo.line(new RegExp(`^Port ${occupied.port} is taken: taking a free one`))
    const [, home = ''] = await demo.line(/^Starting the service on a new folder (\S+)$/)
    const [, url = ''] = await demo.line(/^It listens on (\S+), as process/)
    const heard = [
      /^ {2}ben hears {2}ann is typing/,
      /^ {2}ben hears {2}#2 ann: Ben, are you there/,
      /^ {2}ann hears {2}#3 ben has read up to #2/,
      /^ {2}ann hears {2}#4 ben: On my way! Two minuts/,
      /^ {2}ann hears {2}#5 ben edited #4: On my way! Two minutes/,
      /^ {2}ben hears {2}#6 ann reacted to #4: /,
      /^Ben is back, says "I have #6"/,
      /^ {2}ben hears {2}#8 ann: Or sugar/,
      /^ {2}ben hears {2}#7 ann: Milk or lemon\? \(edited at #9\)/,
      /^ {2}ann hears {2}#10 ben: Lemon, no sugar/,
    ]
    for (const line of heard) await demo.line(line)

    for (const name of ['ann', 'ben']) {
      const [, password = ''] = await demo.line(new RegExp(`^ {2}${name} +password (\\S+)`))
      expect(await logIn(url, { username: name, password })).toBe(200)
    }

    demo.signal('SIGINT')
    expect(await demo.ended).toBe(0)
    await expect(fetch(`${url}/health/live`)).rejects.toThrow()
    expect(existsSync(home)).toBe(false)
    occupied.server.close()
  })

  test('starts a killed service again, both come back, and a later demo finds what was said', async () => {
    const args = ['demo', '--data', join(folder, 'kept')]
    const first = runCommand(args, { PORT: '0' })
    const [, url = '', pid] = await first.line(/^It listens on (\S+), as process (\d+)/)
    await first.line(/^The service goes on until Ctrl-C/)

    process.kill(Number.parseInt(pid ?? '', 10), 'SIGKILL')

    await first.line(/^The service has ended \(SIGKILL\)/)
    await first.line(/^The service is back, as process/)
    for (const name of ['ann', 'ben']) await first.line(new RegExp(`^ {2}${name} is connected again`))
    expect((await fetch(`${url}/health/ready`)).status).toBe(200)
    first.signal('SIGINT')
    expect(await first.ended).toBe(0)

    const second = runCommand(args, { PORT: '0' })
    await second.line(/^Ann and Ben have talked here before: their group goes on after #11/)
    await second.line(/^ {2}ben hears {2}#12 ann: Ben, are you there/)
    second.signal('SIGINT')
    expect(await second.ended).toBe(0)
  })
})

async function occupyPort(): Promise<{ server: Server; port: number }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

async function logIn(url: string, login: object): Promise<number> {
  const headers = { 'Content-Type': 'application/json' }
  const options = { method: 'POST', headers, body: JSON.stringify(login) }
  return (await fetch(`${url}/api/auth/login`, options)).status
}
