import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '../../../client/client.ts'
import { createReader } from '../../../client/rest.ts'
import { patiently } from '../patiently.ts'
import { compare, type ExpectedMessage, type Findings, noFindings } from './compare.ts'
import { type Group, voiceOf } from './groups.ts'
import type { Identity } from './identity.ts'
import { inParallel } from './parallel.ts'
import { ARCHIVIST, type Topic } from './plan.ts'
import { readHistory, readTail } from './read.ts'
import type { Voice } from './voices.ts'

const READ_AT_ONCE = 8
/** How long clients may take for the last deliveries, and the pause between two looks: milliseconds. */
const CATCH_UP = 10_000
const PAUSE = 50

/** verifyGroup reads a group afresh, as pages and as changes, and holds both against the archive. */
async function verifyGroup(reader: Client, { topic, chatId }: Group, parts: ReplayParts): Promise<Findings> {
  const expected = toExpected(topic, parts)
  const history = await readHistory(reader, chatId)
  const findings = compare(expected, history)
  const { since, messages } = await readTail(reader, chatId, history)
  const seqs = new Map(history.map(({ id, seq }) => [id, seq]))
  const later = expected.filter(({ id }) => (seqs.get(id) ?? 0) > since)
  return merge([findings, compare(later, messages)])
}

export interface ReplayParts {
  readonly identity: Identity
  readonly voices: readonly Voice[]
}

/** verifyGroups finds what is lost, doubled, reordered or changed in all groups. */
export async function verifyGroups(
  reader: Client,
  groups: readonly Group[],
  { onRead, ...parts }: ReplayParts & { readonly onRead: () => void },
): Promise<Findings> {
  const all = await inParallel(groups, READ_AT_ONCE, async (group) => {
    const findings = await verifyGroup(reader, group, parts)
    onRead()
    return findings
  })
  return merge(all)
}

/** countBehind counts the chats that some client has not in their last state, once all had time to hear of it. */
export async function countBehind(
  reader: Client,
  groups: readonly Group[],
  voices: readonly Voice[],
): Promise<number> {
  const chats = await patiently(() => createReader(reader.rest).listChats())
  const heads = new Map(chats.map(({ id, seq }) => [id, seq]))
  const copies = groups.flatMap(({ topic, chatId }) =>
    [ARCHIVIST, ...topic.voices].map((number) => ({ chatId, ...voiceOf(voices, number) })),
  )
  const isBehind = ({ chatId, client }: { chatId: string; client: Client }) =>
    (client.findChat(chatId)?.applied ?? 0) < (heads.get(chatId) ?? 0)
  const deadline = performance.now() + CATCH_UP
  let behind = copies.filter(isBehind)
  while (behind.length > 0 && performance.now() < deadline) {
    await sleep(PAUSE)
    behind = behind.filter(isBehind)
  }
  return behind.length
}

function toExpected({ lines }: Topic, { identity, voices }: ReplayParts): ExpectedMessage[] {
  return lines.map((line) => ({
    number: line.number,
    id: identity.messageId(line),
    senderId: voiceOf(voices, line.voice).userId,
    content: line.content,
  }))
}

/** Each line once, however often it was found. */
function merge(all: readonly Findings[]): Findings {
  const merged = noFindings()
  for (const kind of ['lost', 'doubled', 'reordered', 'changed'] as const) {
    const numbers = new Set(all.flatMap((findings) => findings[kind]))
    merged[kind].push(...[...numbers].sort((a, b) => a - b))
  }
  return merged
}
