import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { type Kept, keepRunning } from '../demo/keep-running.ts'
import { getLogins, type Logins } from '../demo/logins.ts'
import { gather } from '../demo/people.ts'
import { type Person, talk } from '../demo/talk.ts'
import { configOrExit } from './start.ts'

const HOST = '127.0.0.1'
/** Between two lines, for somebody who watches. */
const READING_TIME = 700

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('start the service on a folder of its own and watch two people chat; Ctrl-C ends it')
    .option(
      '--data <folder>',
      'folder to use and to keep; a temporary one, removed at the end, when left out',
    )
    .addHelpText('after', HELP)
    .action(async ({ data }: { data?: string }) => {
      const folder = data === undefined ? mkdtempSync(join(tmpdir(), 'parley-demo-')) : resolve(data)
      const demo = new Demo(folder, data === undefined)
      try {
        await Promise.race([demo.run(), signalled()])
      } finally {
        await demo.stop()
      }
      process.exit(0)
    })
}

const HELP = `
The service listens on PORT (3000), or on a free port when that is taken, for this machine only, and uses the
embedded database whatever DATABASE_URL says. It runs as a process of its own: kill -9 it, and it is started again
while the two come back by themselves.`

/** Demo is one run of the command. */
class Demo {
  readonly #folder: string
  readonly #isTemporary: boolean
  #service: Kept | undefined
  #starting: Promise<Kept> | undefined
  #people: readonly Person[] = []

  constructor(folder: string, isTemporary: boolean) {
    this.#folder = folder
    this.#isTemporary = isTemporary
  }

  /** Goes on until the service fails for good. */
  async run(): Promise<void> {
    const folder = this.#folder
    const isOld = existsSync(join(folder, 'pglite'))
    show(`Starting the service on ${isOld ? 'the' : 'a new'} folder ${folder}`)
    this.#starting = keepRunning(await settingsOf(folder), {
      ended: (how) =>
        show(`\nThe service has ended (${how}). It is started again, on the same folder and port.`),
      back: (pid) => show(`The service is back, as process ${pid}.\n`),
    })
    const service = await this.#starting
    this.#service = service
    show(`It listens on ${service.url}, as process ${service.pid()}.`)
    const logins = await getLogins(folder)
    const people = await gather(service.url, logins, show)
    this.#people = [people.ann, people.ben]
    const { applied } = people.ann.client.findChat(people.groupId) ?? {}
    show(isOld ? `Ann and Ben have talked here before: their group goes on after #${applied}.` : MADE)
    const pause = () => sleep(process.stdout.isTTY ? READING_TIME : 0)
    await talk({ ...people, show, pause })
    show(this.#farewell(service, logins))
    await service.failed
  }

  async stop(): Promise<void> {
    for (const { client } of this.#people) client.disconnect()
    const service = this.#service ?? (await this.#starting?.catch(() => undefined))
    await service?.stop()
    if (!this.#isTemporary) return
    rmSync(this.#folder, { recursive: true, force: true })
    show(`\nThe service has ended, and ${this.#folder} is removed.`)
  }

  #farewell({ url, pid }: Kept, { ann, ben }: Logins): string {
    const fate = this.#isTemporary
      ? `removed at the end; parley demo --data ./demo keeps it`
      : 'kept: run the same command again and everything is there'
    return `
The service goes on until Ctrl-C, with Ann and Ben connected. Yours to try:
  ann        password ${ann}
  ben        password ${ben}
  Reference  ${url}/docs
  Folder     ${this.#folder}, ${fate}
  Crash it   kill -9 ${pid()}`
  }
}

const MADE = 'Ann and Ben are registered: contacts, with a direct chat and a group.'

async function settingsOf(folder: string): Promise<NodeJS.ProcessEnv> {
  const { PORT } = configOrExit()
  const isTaken = PORT !== 0 && (await isInUse(PORT))
  if (isTaken) show(`Port ${PORT} is taken: taking a free one.`)
  return {
    ...process.env,
    HOST,
    PORT: isTaken ? '0' : String(PORT),
    DATA_DIR: folder,
    DATABASE_URL: '',
    POSTGRES_HOST: '',
    LOG_LEVEL: 'silent',
    DRAIN_SECONDS: '0',
  }
}

/** Resolves with the first signal; the second is from somebody who will not wait. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(130))
        resolve()
      })
    }
  })
}

function isInUse(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(true)
      else reject(error)
    })
    server.listen(port, HOST, () => server.close(() => resolve(false)))
  })
}

function show(line: string): void {
  process.stdout.write(`${line}\n`)
}
