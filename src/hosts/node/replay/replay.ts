import { createClient } from '../../../client/client.ts'
import { patiently } from '../patiently.ts'
import { readArchive } from './archive.ts'
import { Ears } from './ears.ts'
import { createGroups, type Group, voiceOf } from './groups.ts'
import { type Identity, openIdentity } from './identity.ts'
import { inParallel } from './parallel.ts'
import { ARCHIVIST, createPlan } from './plan.ts'
import { format, type Progress } from './progress.ts'
import { readHistory } from './read.ts'
import { isGood, type Result, toLines, toSkippedLines } from './report.ts'
import { sendAll } from './send.ts'
import { countBehind, searchSamples, verifyGroups } from './verify.ts'
import { connectVoices, createVoices, type Voice } from './voices.ts'
import { SAMPLES } from './words.ts'

const READ_AT_ONCE = 8

export interface ReplayOptions {
  readonly file: string
  readonly url: string
  /** Lines of the file to take; all when left out. */
  readonly limit: number | undefined
  readonly speed: number | undefined
  /** Most users, each with one socket. */
  readonly connections: number
  /** Where the state is kept; it depends on the archive when nobody has named a file. */
  readonly statePath: (digest: string) => string
}

/** replay resolves with whether everything is there once, in order, everywhere. */
export async function replay(options: ReplayOptions, progress: Progress): Promise<boolean> {
  const { file, url, limit, speed } = options
  const archive = await readArchive(file, limit)
  for (const line of toSkippedLines(archive.skipped)) progress.say(line)
  const path = options.statePath(archive.digest)
  const state = { archive: archive.digest, mostUsers: options.connections }
  const identity = await openIdentity(path, state)
  const plan = createPlan(archive.lines, identity.mostUsers)
  const users = `${format(plan.users)} users speak for ${format(plan.authors)} authors`
  progress.say(`${identity.isResumed ? 'Going on with' : 'State in'} ${path}; ${users}`)

  const tick = () => progress.tick()
  const waits = sayOnce(progress, 'The service limits rates, and is obeyed; RATE_LIMITS=off would lift that')
  const voices = await progress.during('Entering users', 1 + plan.users, () =>
    createVoices(url, { identity, plan }, { entered: tick, waits }),
  )
  const parts = { identity, voices }
  const groups = await progress.during('Making groups', plan.topics.length, () =>
    createGroups(plan.topics, parts, tick),
  )
  const stored = identity.isResumed
    ? await progress.during('Reading what is there', groups.length, () => readIds(voices, groups, tick))
    : new Set<string>()
  const ears = new Ears()
  for (const voice of voices) ears.listen(voice)
  const { failed } = await progress.during('Connecting', voices.length, () => connectVoices(voices, tick))
  const isThere = (id: string) => stored.has(id)
  const there = archive.lines.filter((line) => isThere(identity.messageId(line))).length
  const sent = await progress.during('Sending', archive.lines.length - there, () =>
    Promise.race([sendAll(groups, { ...parts, ears, stored, speed, onSettled: tick }), failed]),
  )
  const reader = await logInAfresh(url, identity)
  const behind = await countBehind(reader, groups, voices)
  for (const { client } of voices) client.disconnect()
  const findings = await progress.during('Reading afresh', groups.length, () =>
    verifyGroups(reader, groups, { ...parts, onRead: tick }),
  )
  const searched = await progress.during('Searching', SAMPLES, () =>
    searchSamples(reader, groups, { identity, onFound: tick }),
  )
  const result: Result = { archive, plan, stored: there, sent, ears, behind, findings, searched }
  for (const line of toLines(result)) progress.say(line)
  return isGood(result)
}

/** A client that has heard nothing yet. */
async function logInAfresh(url: string, identity: Identity) {
  const client = createClient({ url })
  await patiently(() => client.login(identity.username(ARCHIVIST), identity.password(ARCHIVIST)))
  return client
}

async function readIds(
  voices: readonly Voice[],
  groups: readonly Group[],
  onRead: () => void,
): Promise<Set<string>> {
  const { client } = voiceOf(voices, ARCHIVIST)
  const pages = await inParallel(groups, READ_AT_ONCE, async ({ chatId }) => {
    const messages = await readHistory(client, chatId)
    onRead()
    return messages.map(({ id }) => id)
  })
  return new Set(pages.flat())
}

function sayOnce(progress: Progress, line: string): () => void {
  let isSaid = false
  return () => {
    if (!isSaid) progress.say(line)
    isSaid = true
  }
}
