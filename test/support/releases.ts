import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { keepSettings } from '../../src/db/pooled-role.ts'
import { toEnvironment } from '../../src/hosts/node/workerd.ts'
import { COMMIT_DEADLINE_SECONDS } from './patience.ts'
import { createTestDatabase, reachByTcp } from './postgres.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** What `wrangler.toml` names beside the sources, and what these need. */
const SHARED = ['.wrangler', 'docs', 'node_modules', 'scripts', 'package.json']
/** Ends the whole group when what it runs has ended, and when its input has: with whoever started it. */
const LEAD = '{ "$@"; kill 0; } & cat > /dev/null; kill 0'
const READY = /Ready on (http:\S+)/
const SECRETS = { JWT_SECRET: 'a'.repeat(40), JWT_REFRESH_SECRET: 'r'.repeat(40) }
const SETTINGS = { ...SECRETS, LOG_LEVEL: 'warn', COMMIT_DEADLINE_SECONDS }

/** Release is the sources of today with other texts in some of the files, by their paths. */
export type Release = Readonly<Record<string, readonly (readonly [from: string, to: string])[]>>

export interface MixedServer {
  readonly url: string
  /** All that it has said. */
  readonly output: readonly string[]
  stop(): Promise<void>
}

/**
 * startMixed runs two releases at once in the platform's own runtime, as while one spreads: the app and the rooms are of
 * the one, the gateways of the other. Whatever goes between a gateway and anything else goes between the two.
 */
export async function startMixed(app: Release, gateways: Release): Promise<MixedServer> {
  const database = await createTestDatabase()
  const { network, url } = await reachByTcp(database)
  await keepSettings(url)
  const folder = mkdtempSync(join(tmpdir(), 'parley-releases-'))
  const configs = [
    writeRelease(join(folder, 'app'), app, (text) =>
      edit(text, [
        ['name = "parley"', 'name = "app"'],
        ['class_name = "GatewayObject"', 'class_name = "GatewayObject"\nscript_name = "gateways"'],
      ]),
    ),
    writeRelease(join(folder, 'gateways'), gateways, (text) =>
      edit(text, [
        ['name = "parley"', 'name = "gateways"'],
        ['class_name = "RoomObject"', 'class_name = "RoomObject"\nscript_name = "app"'],
        // A queue and the time have one who listens.
        [/\[\[queues\.consumers\]\][^[]*/.exec(text)?.[0] ?? '[[queues.consumers]]', ''],
        [/\[triggers\]\ncrons = .*\n/.exec(text)?.[0] ?? '[triggers]', ''],
      ]),
    ),
  ]
  const options = ['--port', '0', '--inspector-port', '0', '--persist-to', join(folder, 'state')]
  const wrangler = ['wrangler', 'dev', ...configs.flatMap((config) => ['-c', config]), ...options]
  const child = spawn('sh', ['-c', LEAD, 'sh', ...wrangler], {
    ...{ cwd: ROOT, detached: true, stdio: 'pipe' },
    env: toEnvironment({ POSTGRES: url }),
  })
  const output: string[] = []
  const stop = async () => {
    await end(child)
    await network.close()
    await database.drop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    return { url: await ready(child, output), output, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Writes a folder as of a checkout of that release, and answers the path of its configuration. */
function writeRelease(folder: string, release: Release, configure: (text: string) => string): string {
  mkdirSync(folder, { recursive: true })
  cpSync(join(ROOT, 'src'), join(folder, 'src'), { recursive: true })
  for (const name of SHARED) symlinkSync(join(ROOT, name), join(folder, name))
  for (const [path, edits] of Object.entries(release)) {
    const file = join(folder, path)
    writeFileSync(file, edit(readFileSync(file, 'utf8'), edits))
  }
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(join(folder, '.dev.vars'), settings.join(''))
  const config = join(folder, 'wrangler.toml')
  writeFileSync(config, configure(readFileSync(join(ROOT, 'wrangler.toml'), 'utf8')))
  return config
}

function edit(text: string, edits: readonly (readonly [from: string, to: string])[]): string {
  let edited = text
  for (const [from, to] of edits) {
    if (!edited.includes(from)) throw new Error(`There is no ${from} to put ${to} in the place of`)
    edited = edited.replace(from, () => to)
  }
  return edited
}

/** Resolves with the address when the runtime answers there. */
async function ready(child: ChildProcess, output: string[]): Promise<string> {
  const url = await new Promise<string>((resolve, reject) => {
    child.once('close', () => reject(new Error(`wrangler ended\n${output.slice(-50).join('\n')}`)))
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue
      createInterface({ input: stream }).on('line', (line) => {
        output.push(line)
        const [, address] = READY.exec(line) ?? []
        if (address !== undefined) resolve(address)
      })
    }
  })
  // It is ready before the runtime is, and has whoever comes wait.
  await fetch(url)
  return url
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.stdin?.end()
  await ended
}
