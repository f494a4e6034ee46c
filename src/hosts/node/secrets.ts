import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Config } from '../../config.ts'

const FILE = 'secrets.json'
const BYTES = 48
const Secrets = z.object({ JWT_SECRET: z.string().min(32), JWT_REFRESH_SECRET: z.string().min(32) })
export type Secrets = z.infer<typeof Secrets>

/**
 * getSecrets takes the secrets of the settings, or else those kept in the data folder, which it makes on the first
 * run; only the user of the process may read them. Rejects when the file is there and not readable as such: tokens
 * signed before would die unnoticed if it were made anew.
 */
export async function getSecrets(config: Config): Promise<Secrets> {
  const { JWT_SECRET, JWT_REFRESH_SECRET, DATA_DIR } = config
  if (JWT_SECRET !== undefined && JWT_REFRESH_SECRET !== undefined) return { JWT_SECRET, JWT_REFRESH_SECRET }
  const kept = (await readSecrets(DATA_DIR)) ?? (await makeSecrets(DATA_DIR))
  return {
    JWT_SECRET: JWT_SECRET ?? kept.JWT_SECRET,
    JWT_REFRESH_SECRET: JWT_REFRESH_SECRET ?? kept.JWT_REFRESH_SECRET,
  }
}

async function readSecrets(folder: string): Promise<Secrets | undefined> {
  const path = join(folder, FILE)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return Secrets.parse(JSON.parse(text))
  } catch {
    throw new Error(`${path} does not hold the secrets any more: restore it, or delete it to end every login`)
  }
}

async function makeSecrets(folder: string): Promise<Secrets> {
  const make = () => randomBytes(BYTES).toString('base64url')
  const secrets = { JWT_SECRET: make(), JWT_REFRESH_SECRET: make() }
  await mkdir(folder, { recursive: true })
  const path = join(folder, FILE)
  await writeFile(`${path}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
  return secrets
}
