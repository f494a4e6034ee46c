import { writeFileSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'

interface Options {
  readonly only?: readonly string[]
  readonly seconds: number
  readonly seed?: number
  readonly instances: number
  readonly clients: number
  readonly chats: number
  readonly json?: string
}

export function addFaults(program: Command): void {
  program
    .command('faults')
    .description('break a private service of several instances in every way, and show that nothing is lost')
    .option('--only <faults>', 'some faults, by id: F1,F3', toIds)
    .option('--seconds <count>', 'how long each fault goes on under load', toCount, 10)
    .option('--instances <count>', 'processes of the service', toCount, 3)
    .option('--clients <count>', 'users, each with one client', toCount, 60)
    .option('--chats <count>', 'groups that they talk in, two each', toCount, 20)
    .option('--seed <number>', 'makes the random choices again', toSeed)
    .option('--json <file>', 'write the results there, too')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      // An exit ends the private servers, which a signal alone would leave behind.
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
      process.exit((await isUnharmed(options)) ? 0 : 1)
    })
}

const HELP = `
Starts a Postgres, a Redis and the instances, all private to the run and removed at its end, and needs both programs
on this machine. docs/reliability.md tells what each fault does and what the columns mean.

Ends with 0 when every fault was clean: nothing lost, doubled or reordered, and every client caught up.`

async function isUnharmed({
  json,
  only,
  seed = Date.now() % 2 ** 32,
  ...options
}: Options): Promise<boolean> {
  // Loaded here, as no other command needs it.
  const { FAULTS } = await import('../faults/matrix.ts')
  const { runFaults } = await import('../faults/run.ts')
  const { isClean, toHead, toRow } = await import('../faults/table.ts')
  const faults = FAULTS.filter(({ id }) => only?.includes(id) ?? true)
  const unknown = only?.filter((id) => !faults.some((fault) => fault.id === id)) ?? []
  if (unknown.length > 0) {
    process.stderr.write(
      `There is no ${unknown.join(', ')}: there are ${FAULTS.map(({ id }) => id).join(', ')}\n`,
    )
    return false
  }
  say(`${options.instances} instances, ${options.clients} clients, ${options.chats} chats, seed ${seed}\n`)
  say(toHead())
  try {
    const results = await runFaults({ ...options, faults, seed, onResult: (result) => say(toRow(result)) })
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ seed, results }, null, 2)}\n`)
    return results.length > 0 && results.every(isClean)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return false
  }
}

function toIds(text: string): readonly string[] {
  const ids = text.split(',').flatMap((id) => id.trim().toUpperCase() || [])
  if (!ids.every((id) => /^F\d+(\+F\d+)*$/.test(id))) throw new InvalidArgumentError('Write it as F1,F3')
  return ids
}

function toCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.')
  return count
}

function toSeed(text: string): number {
  const seed = Number(text)
  if (!Number.isInteger(seed)) throw new InvalidArgumentError('It must be a whole number.')
  return seed
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
