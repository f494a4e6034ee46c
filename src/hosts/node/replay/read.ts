import type { Client } from '../../../client/client.ts'
import { LIMITS } from '../../../protocol/limits.ts'
import type { Message } from '../../../protocol/model.ts'
import { patiently } from '../patiently.ts'

/** Messages whose changes are read in one go: below what the service gives up at. */
const TAIL = LIMITS.changesMost - 100

/** readHistory reads all messages of a chat over REST, page by page, oldest first. */
export async function readHistory({ rest }: Client, chatId: string): Promise<Message[]> {
  const { messages } = rest.api.chats[':id']
  const read = (cursor: string | null) =>
    patiently(async () => {
      const query = { limit: LIMITS.pageMost, ...(cursor !== null && { cursor }) }
      return (await messages.$get({ param: { id: chatId }, query })).json()
    })
  const all: Message[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof read>> = await read(cursor)
    all.push(...page.data.map(({ senderUsername: _, ...message }) => message))
    cursor = page.nextCursor
  } while (cursor !== null)
  return all.reverse()
}

/**
 * readTail reads the last messages of a chat as changes, the way a client catches up; all of them in a chat that is
 * short enough. Gives the seq after which it is complete.
 */
export async function readTail(
  { rest }: Client,
  chatId: string,
  history: readonly Message[],
): Promise<{ readonly since: number; readonly messages: readonly Message[] }> {
  const since = history.at(-TAIL - 1)?.seq ?? 0
  const request = { param: { id: chatId }, query: { since: String(since) } }
  const changes = await patiently(async () => (await rest.api.chats[':id'].changes.$get(request)).json())
  return { since, messages: changes.messages }
}
