import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const FILE = 'demo.json'
const Logins = z.object({ ann: z.string(), ben: z.string() })
/** The passwords of the two, by username. */
export type Logins = z.infer<typeof Logins>

/** getLogins takes the passwords that an earlier demo left in the folder, or makes new ones and leaves them there. */
export async function getLogins(folder: string): Promise<Logins> {
  const path = join(folder, FILE)
  const kept = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (kept !== undefined) return Logins.parse(JSON.parse(kept))
  const logins = { ann: makePassword(), ben: makePassword() }
  await mkdir(folder, { recursive: true })
  await writeFile(path, `${JSON.stringify(logins, null, 2)}\n`, { mode: 0o600 })
  return logins
}

/** With one of each kind that the service asks for. */
function makePassword(): string {
  return `Tea-4-${randomBytes(6).toString('hex')}`
}
