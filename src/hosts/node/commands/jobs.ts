import { type Command, InvalidArgumentError } from 'commander'
import { validate } from 'uuid'
import type { Database } from '../../../db/connect.ts'

const PAGE = 100

export function addJobs(program: Command): void {
  const jobs = program
    .command('jobs')
    .description('dead letters: background work (pushes, webhooks, ...) that was given up')
    .addHelpText(
      'after',
      '\nAsks the database of the settings; an embedded one only while the service is stopped.',
    )
  jobs
    .command('list', { isDefault: true })
    .description('list them, oldest first')
    .action(async () => (await load()).withDatabase(list))
  jobs
    .command('retry')
    .description(
      'have them tried again: one, those of a kind, or all; a running service finds them within 5 s',
    )
    .argument('[id]', 'one of them', toId)
    .option('--kind <kind>', 'only those of this kind')
    .action(async (id: string | undefined, { kind }: { kind?: string }) => {
      const { withDatabase, retryDeadJobs } = await load()
      await withDatabase(async (db) => {
        const retried = await retryDeadJobs(db, { kind, ...(id !== undefined && { id }) })
        say(`${retried} will be tried again.`)
      })
    })
  jobs
    .command('discard')
    .description('throw one away')
    .argument('<id>', 'of the dead letter', toId)
    .action(async (id: string) => {
      const { withDatabase, discardDeadJob } = await load()
      await withDatabase(async (db) => {
        say((await discardDeadJob(db, id)) ? 'Thrown away.' : 'There is no such dead letter.')
      })
    })
}

/** What takes long to load is loaded by the command that needs it. */
async function load() {
  return { ...(await import('../../../db/queries/jobs.ts')), ...(await import('../with-database.ts')) }
}

async function list(db: Database): Promise<void> {
  const { listDeadJobs } = await load()
  let after: string | undefined
  let count = 0
  do {
    const page = await listDeadJobs(db, { after, limit: PAGE })
    for (const { id, kind, attempts, failedAt, lastError } of page) {
      say(`${id}  ${kind}  ${attempts} tries, until ${failedAt}: ${lastError}`)
    }
    count += page.length
    after = page.length === PAGE ? page.at(-1)?.id : undefined
  } while (after !== undefined)
  say(count === 0 ? 'No dead letters.' : `${count} dead letters.`)
}

function toId(text: string): string {
  if (!validate(text)) throw new InvalidArgumentError('It must be an id as `parley jobs list` shows it.')
  return text
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
