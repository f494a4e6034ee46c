import { type Command, InvalidArgumentError } from 'commander'
import { Username } from '../../../protocol/rest.ts'

export function addAdmin(program: Command): void {
  program
    .command('admin')
    .description('make a user an administrator, the first one for example; a new account where there is none')
    .argument('<username>', 'of a local account', toUsername)
    .addHelpText(
      'after',
      '\nChanges the database of the settings; an embedded one only while the service is stopped.',
    )
    .action(async (username: string) => {
      const { withDatabase } = await import('../with-database.ts')
      const { makeAdmin } = await import('../make-admin.ts')
      await withDatabase(async (db) => void process.stdout.write(`${await makeAdmin(db, username)}\n`))
    })
}

function toUsername(text: string): string {
  const parsed = Username.safeParse(text)
  if (!parsed.success)
    throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'It must be a username.')
  return parsed.data
}
