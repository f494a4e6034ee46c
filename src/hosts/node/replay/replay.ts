import { createClient } from '../../../client/client.ts'
import type { ParleyError } from '../../../client/error.ts'
import { patiently } from '../patiently.ts'
import { type Archive, readArchive } from './archive.ts'
import { Ears } from './ears.ts'
import { createGroups, type Group, voiceOf } from './groups.ts'
import { type Identity, openIdentity } from './identity.ts'
import { inParallel } from './parallel.ts'
import { ARCHIVIST, createPlan, type Plan } from './plan.ts'
import { format, type Progress } from './progress.ts'
import { readHistory } from './read.ts'
import { isGood, type Result, toLines, toSkippedLines } from './report.ts'
import { searchSamples } from './search.ts'
import { sendAll } from './send.ts'
import { countBehind, verifyGroups } from './verify.ts'
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

/** Prepared is a replay that can begin: everybody is there, and it is known what is still to be sent. */
interface Prepared {
  readonly archive: Archive
  readonly identity: Identity
  readonly plan: Plan
  readonly voices: readonly Voice[]
  readonly groups: readonly Group[]
  /** Ids of the messages that are in the groups. */
  readonly stored: ReadonlySet<string>
}

/** replay resolves with whether everything is there once, in order, everywhere. */
export async function replay(options: ReplayOptions, progress: Progress): Promise<boolean> {
  const { url, speed } = options
  const prepared = await prepare(options, progress)
  const { archive, identity, plan, voices, groups, stored } = prepared
  const tick = () => progress.tick()
  const ears = new Ears()
  for (const voice of voices) ears.listen(voice)
  const { failed } = await progress.during('Connecting', voices.length, () => connectVoices(voices, tick))
  const there = archive.lines.filter((line) => stored.has(identity.messageId(line))).length
  const sent = await progress.during('Sending', archive.lines.length - there, () =>
    Promise.race([sendAll(groups, { ...prepared, ears, speed, onSettled: tick }), failed]),
  )
  const reader = await logInAfresh(url, identity)
  const behind = await countBehind(reader, groups, voices)
  for (const { client } of voices) client.disconnect()
  const findings = await progress.during('Reading afresh', groups.length, () =>
    verifyGroups(reader, groups, { identity, voices, onRead: tick }),
  )
  const searched = await progress.during('Searching', SAMPLES, () =>
    searchSamples(reader, groups, { identity, onFound: tick }),
  )
  const result: Result = { archive, plan, stored: there, sent, ears, behind, findings, searched }
  for (const line of toLines(result)) progress.say(line)
  return isGood(result)
}

async function prepare(options: ReplayOptions, progress: Progress): Promise<Prepared> {
  const { file, url, limit, connections, statePath } = options
  const archive = await readArchive(file, limit)
  for (const line of toSkippedLines(archive.skipped)) progress.say(line)
  const path = statePath(archive.digest)
  const identity = await openIdentity(path, { archive: archive.digest, mostUsers: connections })
  const plan = createPlan(archive.lines, identity.mostUsers)
  const users = `${format(plan.users)} users speak for ${format(plan.authors)} authors`
  progress.say(`${identity.isResumed ? 'Going on with' : 'State in'} ${path}; ${users}`)

  const tick = () => progress.tick()
  const waits = sayLimitsOnce(progress)
  const voices = await progress.during('Entering users', 1 + plan.users, () =>
    createVoices(url, { identity, plan }, { entered: tick, waits }),
  )
  const groups = await progress.during('Making groups', plan.topics.length, () =>
    createGroups(plan.topics, { identity, voices }, tick),
  )
  const stored = identity.isResumed
    ? await progress.during('Reading what is there', groups.length, () => readIds(voices, groups, tick))
    : new Set<string>()
  return { archive, identity, plan, voices, groups, stored }
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

function sayLimitsOnce(progress: Progress): (error: ParleyError) => void {
  let isSaid = false
  return ({ code }) => {
    if (isSaid || code !== 'RATE_LIMIT_EXCEEDED') return
    isSaid = true
    progress.say('The service limits rates, and is obeyed; RATE_LIMITS=off would lift that')
  }
}
