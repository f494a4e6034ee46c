import { type Command, InvalidArgumentError } from 'commander'
import type { Hooks } from '../../../conformance/hooks.ts'
import type { Credentials } from '../../../conformance/person.ts'

interface Options {
  readonly only?: readonly string[]
  readonly user?: readonly Credentials[]
  readonly seed?: number
  readonly limits?: boolean
  readonly adminToken?: string
  readonly hooksPort?: number
  readonly hooksSecret?: string
}

export function addConformance(program: Command): void {
  program
    .command('conformance')
    .description('hold any deployment against the numbered rules of docs/protocol.md, as a black box')
    .argument('<url>', 'of the deployment: http://127.0.0.1:3000', toUrl)
    .option('--only <rules...>', 'rules or whole sections, by number: 3.4 7')
    .option('--user <username:password>', 'an account to use, up to two; others are registered', addUser)
    .option('--seed <number>', 'makes the random rules do the same again', toSeed)
    .option('--admin-token <token>', 'an access token of an administrator: for the rules that need agents')
    .option(
      '--hooks-port <port>',
      "for section 18: listens here for what the deployment's PUSH_WEBHOOK_URL and WEBHOOK_URLS name",
      toPort,
    )
    .option('--hooks-secret <secret>', 'its WEBHOOK_SECRET')
    .option('--limits', 'exceed the rate limits, too: this address stays limited for up to 15 minutes')
    .action(async (url: string, options: Options) => {
      process.exitCode = (await isConformant(url, options)) ? 0 : 1
    })
}

async function isConformant(
  url: string,
  { user, hooksPort, hooksSecret, ...options }: Options,
): Promise<boolean> {
  // Loaded here, as no other command needs it.
  const { runConformance } = await import('../../../conformance/run.ts')
  const { toLine, toSummary } = await import('../../../conformance/table.ts')
  const seed = options.seed ?? Date.now() % 2 ** 32
  say(`Rules of ${url}, seed ${seed}`)
  const hooks = hooksPort === undefined ? undefined : await openHooks(hooksPort, hooksSecret ?? '')
  try {
    const results = await runConformance({
      ...options,
      ...(user && { users: user }),
      ...(hooks && { hooks }),
      url,
      seed,
      onResult: (result) => say(toLine(result)),
    })
    say(toSummary(results))
    return results.every(({ status }) => status !== 'failed')
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return false
  } finally {
    await hooks?.close()
  }
}

async function openHooks(port: number, secret: string): Promise<Hooks & { close(): Promise<void> }> {
  const { createProvider } = await import('../faults/servers/provider.ts')
  const provider = await createProvider({ port, host: '0.0.0.0' })
  return {
    secret,
    received: provider.received,
    refuse(isRefused) {
      provider.mood = isRefused ? 'broken' : 'well'
    },
    close: () => provider.close(),
  }
}

function toUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError('Write it as http://127.0.0.1:3000')
  }
  return text
}

function addUser(text: string, before: readonly Credentials[] = []): readonly Credentials[] {
  const [, username, password] = /^([^:]+):(.+)$/.exec(text) ?? []
  if (username === undefined || password === undefined) {
    throw new InvalidArgumentError('Write it as username:password')
  }
  return [...before, { username, password }]
}

function toPort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new InvalidArgumentError('Must be a port')
  return port
}

function toSeed(text: string): number {
  const seed = Number(text)
  if (!Number.isInteger(seed)) throw new InvalidArgumentError('Must be a whole number')
  return seed
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
