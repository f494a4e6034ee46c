import { patiently } from '../patiently.ts'
import type { Identity } from './identity.ts'
import { inParallel } from './parallel.ts'
import { ARCHIVIST, type Topic } from './plan.ts'
import type { Voice } from './voices.ts'

const MADE_AT_ONCE = 8

/** Group is a topic as a chat. */
export interface Group {
  readonly topic: Topic
  readonly chatId: string
}

/** createGroups makes a group of each topic, owned by the archivist, or takes the one of an earlier run. */
export function createGroups(
  topics: readonly Topic[],
  { identity, voices }: { identity: Identity; voices: readonly Voice[] },
  onMade: () => void,
): Promise<Group[]> {
  const { chats } = voiceOf(voices, ARCHIVIST).client.rest.api
  return inParallel(topics, MADE_AT_ONCE, async (topic) => {
    const participantIds = [...topic.voices].map((number) => voiceOf(voices, number).userId)
    const header = { 'idempotency-key': identity.groupKey(topic.key) }
    const { chat } = await patiently(async () =>
      (await chats.group.$post({ header, json: { name: topic.name, participantIds } })).json(),
    )
    // A longer part of the archive may have more people than the one before.
    const known = new Set(chat.participants?.map(({ userId }) => userId))
    const userIds = participantIds.filter((id) => !known.has(id))
    if (userIds.length > 0) {
      await patiently(() => chats[':id'].participants.$post({ param: { id: chat.id }, json: { userIds } }))
    }
    onMade()
    return { topic, chatId: chat.id }
  })
}

export function voiceOf(voices: readonly Voice[], number: number): Voice {
  const voice = voices[number]
  if (!voice) throw new Error(`There is no voice ${number}`)
  return voice
}
