import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { Progress } from '../replay/progress.ts'
import { replay } from '../replay/replay.ts'

const DEFAULT_URL = 'http://127.0.0.1:3000'
const DEFAULT_CONNECTIONS = 500
/** How long a service that is starting is waited for, in milliseconds. */
const START_PATIENCE = 15_000

interface Options {
  readonly url: string
  readonly limit?: number
  readonly speed?: number
  readonly connections: number
  readonly resume?: string
}

export function addReplay(program: Command): void {
  program
    .command('replay')
    .description('send a chat archive through sockets, then verify that all of it is there once, in order')
    .argument(
      '<file>',
      'JSON lines, packed with gzip or not: {"t": unix seconds, "u": author, "p": topic, "c": text}',
    )
    .option('--url <url>', 'address of the service', DEFAULT_URL)
    .option('--limit <lines>', 'take only so many lines', toCount)
    .option(
      '--speed <times>',
      'send at so many times the speed it was written at; as fast as acknowledged when left out',
      toSpeed,
    )
    .option('--connections <users>', 'most users to make, each with one socket', toCount, DEFAULT_CONNECTIONS)
    .option('--resume <state>', 'file that remembers the run; made when missing, gone on with when there')
    .addHelpText('after', HELP)
    .action(async (file: string, options: Options) => {
      const progress = new Progress(process.stdout)
      stopOnSignal(progress)
      process.exit(await run(file, options, progress))
    })
}

const HELP = `
Every topic becomes a group and every author a user, in the order in which they appear. With more authors than
--connections, users speak for several of them in turn. A group has at most 300 people: a topic's first 299 users
take part, and its owner, the archivist, speaks for the rest. The author's number, the line and its time go along in
each message's metadata.

Messages of one topic are sent one after another, each when the one before it is acknowledged; topics go side by
side. A message's id comes of the state and the line's number, so that a run that was interrupted goes on where it
was, by the same command, and doubles nothing. Without --resume the state is kept for each archive and address in
XDG_STATE_HOME (~/.local/state).

Making a user costs the service a quarter of a second of a core, so that 500 take one or two minutes on two cores.
The service should run with RATE_LIMITS=off; otherwise its limits are obeyed, which takes long.

Ends with 0 when every line is there once, in order, with its words, at every client and in a fresh read, and can be
searched; with 1 when not; with 2 when it could not be tried.`

async function run(file: string, options: Options, progress: Progress): Promise<number> {
  const { url, limit, speed, connections, resume } = options
  try {
    await serves(url)
    const statePath = (digest: string) => resume ?? defaultState(digest, url)
    return (await replay({ file, url, limit, speed, connections, statePath }, progress)) ? 0 : 1
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  }
}

/** Whatever was acknowledged is there, and the rest has its ids: nothing has to be put in order. */
function stopOnSignal(progress: Progress): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      progress.say('Stopped. The same command goes on from here.')
      process.exit(130)
    })
  }
}

/** Rejects with what to do when nothing serves there. */
async function serves(url: string): Promise<void> {
  const deadline = performance.now() + START_PATIENCE
  for (;;) {
    const answer = await fetch(new URL('/health/ready', url)).catch(() => undefined)
    if (answer?.ok) return
    if (!answer || performance.now() > deadline) break
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`Nothing serves at ${url}. Start it with: RATE_LIMITS=off npx parley start`)
}

function defaultState(digest: string, url: string): string {
  const base = process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state')
  const place = new URL(url).host.replaceAll(/[^\w.-]/g, '-')
  return join(base, 'parley', `replay-${digest.slice(0, 12)}-${place}.json`)
}

function toCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.')
  return count
}

function toSpeed(text: string): number {
  const speed = Number(text)
  if (!(speed > 0) || !Number.isFinite(speed)) throw new InvalidArgumentError('It must be a number above 0.')
  return speed
}
