import { createHmac, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { v7 } from 'uuid'
import { z } from 'zod'
import type { ArchiveLine } from './archive.ts'

const State = z.object({
  /** SHA-256 of the archive. */
  archive: z.string(),
  /** Secret: usernames, passwords, groups and message ids are made of it. */
  key: z.string(),
  /** Of users that speak for the authors. */
  mostUsers: z.int().min(1),
})
type State = z.infer<typeof State>

/** Identity names all that a replay makes, alike in every run with the same state, so that nothing is made twice. */
export interface Identity {
  readonly mostUsers: number
  /** The state was there: an earlier run may have made some of it. */
  readonly isResumed: boolean
  username(voice: number): string
  password(voice: number): string
  /** The Idempotency-Key of a topic's group. */
  groupKey(topic: string): string
  /** A UUIDv7 of the line's time; the rest is a keyed hash of the archive and the line's number. */
  messageId(line: Pick<ArchiveLine, 'number' | 'at'>): string
}

/** openIdentity takes the state of an earlier run, or begins one. Rejects when the state is of another archive. */
export async function openIdentity(
  path: string,
  { archive, mostUsers }: Pick<State, 'archive' | 'mostUsers'>,
): Promise<Identity> {
  const kept = await readState(path)
  if (kept && kept.archive !== archive)
    throw new Error(`${path} is the state of another archive: name another file with --resume`)
  const state = kept ?? { archive, mostUsers, key: randomBytes(32).toString('base64url') }
  if (!kept) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  }
  return createIdentity(state, kept !== undefined)
}

async function readState(path: string): Promise<State | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return State.parse(JSON.parse(text))
  } catch {
    throw new Error(`${path} is not the state of a replay: name another file with --resume`)
  }
}

function createIdentity({ archive, key, mostUsers }: State, isResumed: boolean): Identity {
  const derive = (what: string) => createHmac('sha256', key).update(what).digest()
  const tag = derive('run').toString('hex').slice(0, 10)
  return {
    mostUsers,
    isResumed,
    username: (voice) => `replay-${tag}-${voice}`,
    // With one of each kind that the service asks for.
    password: (voice) => `Aa1-${derive(`password ${voice}`).toString('base64url').slice(0, 32)}`,
    groupKey: (topic) => derive(`group ${topic}`).toString('hex'),
    messageId({ number, at }) {
      const hash = derive(`message ${archive} ${number}`)
      return v7({ msecs: at, seq: hash.readUInt32BE(16), random: hash.subarray(0, 16) })
    },
  }
}
