import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '../../../client/client.ts'
import { LIMITS } from '../../../protocol/limits.ts'
import { patiently } from '../patiently.ts'
import type { Group } from './groups.ts'
import type { Identity } from './identity.ts'
import { type Sample, sampleWords } from './words.ts'

/** How long the text index may take for the last messages, and the pause between two looks: milliseconds. */
const INDEXING = 20_000
const PAUSE = 100

export interface Searched {
  readonly words: number
  /** By which their line was not found. */
  readonly missing: readonly Sample[]
}

/** searchSamples looks for lines from all over the archive by a word that each of them holds. */
export async function searchSamples(
  reader: Client,
  groups: readonly Group[],
  { identity, onFound }: { readonly identity: Identity; readonly onFound: () => void },
): Promise<Searched> {
  const samples = sampleWords(groups.map(({ topic }) => topic))
  const deadline = performance.now() + INDEXING
  let missing: readonly Sample[] = samples
  for (;;) {
    const late: Sample[] = []
    for (const sample of missing) {
      if (await finds(reader, sample.word, identity.messageId(sample.line))) onFound()
      else late.push(sample)
    }
    missing = late
    if (missing.length === 0 || performance.now() > deadline) return { words: samples.length, missing }
    await sleep(PAUSE)
  }
}

/** Looks for the message through all pages of a search in all chats. */
async function finds({ rest }: Client, word: string, id: string): Promise<boolean> {
  const read = (cursor: string | null) =>
    patiently(async () => {
      const query = { q: word, limit: LIMITS.pageMost, ...(cursor !== null && { cursor }) }
      return (await rest.api.messages.search.$get({ query })).json()
    })
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof read>> = await read(cursor)
    if (page.results.some((hit) => hit.id === id && hit.content.includes('<mark>'))) return true
    cursor = page.nextCursor
  } while (cursor !== null)
  return false
}
