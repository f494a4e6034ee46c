import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findPort } from '../../src/hosts/node/faults/servers/port.ts'

const SAMPLES = resolve(import.meta.dirname, '../../deploy')
const LISTEN = /^(\s*(?:listen|bind) ):?8080\b/m
/** Where Debian's nginx keeps bodies too long for its memory, only root may write. */
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

/** RunningProxy is a real nginx or HAProxy with the project's sample file, on a free port of the loopback. */
export interface RunningProxy {
  readonly url: string
  stop(): Promise<void>
}

interface Program {
  readonly sample: string
  /** Of Debian. */
  readonly package: string
  args(path: string): string[]
  /** What of the sample is of the machine, beside addresses. */
  fit(text: string, folder: string): string
}

export const PROGRAMS = {
  nginx: {
    sample: 'nginx.conf',
    package: 'nginx-light',
    args: (path) => ['-c', path, '-e', 'stderr', '-g', 'daemon off;'],
    fit: (text, folder) => {
      const paths = TEMPORARY.map((name) => `${name}_temp_path ${join(folder, name)};`)
      return text.replace('/tmp', folder).replace('http {', `http {\n${paths.join('\n')}`)
    },
  },
  haproxy: {
    sample: 'haproxy.cfg',
    package: 'haproxy',
    args: (path) => ['-db', '-f', path],
    fit: (text) => text,
  },
} as const satisfies Record<string, Program>

/** startProxy resolves when it answers, whatever the instances do; there have to be as many as in the sample. */
export async function startProxy(
  name: keyof typeof PROGRAMS,
  instances: readonly string[],
): Promise<RunningProxy> {
  const program: Program = PROGRAMS[name]
  const binary = findProgram(name)
  if (binary === undefined) {
    throw new Error(`The tests need ${name}: install it (Debian: apt-get install ${program.package})`)
  }
  const folder = mkdtempSync(join(tmpdir(), `parley-${name}-`))
  const path = join(folder, program.sample)
  const url = `http://127.0.0.1:${await findPort()}`
  const sample = readFileSync(join(SAMPLES, program.sample), 'utf8')
  writeFileSync(path, program.fit(withAddresses(sample, url, instances), folder))
  const child = spawn(binary, program.args(path), { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.on('data', (chunk) => {
    output = `${output}${chunk}`.slice(-4_000)
  })
  const isRunning = () => child.exitCode === null && child.signalCode === null
  const kill = () => void child.kill()
  process.once('exit', kill)
  while (isRunning() && !(await answers(url))) await sleep(50)
  if (!isRunning()) throw new Error(`${name} ended:\n${output}`)
  return {
    url,
    async stop() {
      const ended = once(child, 'exit')
      if (child.kill()) await ended
      process.off('exit', kill)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function withAddresses(sample: string, url: string, instances: readonly string[]): string {
  const listening = sample.replace(LISTEN, (_, word: string) => `${word}${new URL(url).host}`)
  const text = instances.reduce(
    (left, instance, index) => left.replace(`parley-${index + 1}:3000`, new URL(instance).host),
    listening,
  )
  if (/:3000|:?\b8080\b/.test(text)) throw new Error('The sample has addresses that the test does not know')
  return text
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  )
}

function findProgram(name: string): string | undefined {
  const folders = ['/usr/sbin', ...(process.env.PATH ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}
