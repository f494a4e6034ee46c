import pg from 'pg'
import { v7 } from 'uuid'
import type { ErrorBody } from '../../../protocol/errors.ts'
import type { Fault } from './fault.ts'
import type { Scene } from './scene.ts'
import type { Voice } from './voice.ts'

const EVERY = 1_000
const SENDS = 50
const POISON = 'poison'

/** Poison row is a send that the database itself refuses, at the same time as 49 others: they are none the worse. */
export const poisonRow: Fault = {
  id: 'F16',
  title: 'a poison row among 50 sends at once, in one chat and in many',
  async inject(scene) {
    const database = new pg.Client({ connectionString: scene.stage.databaseUrl })
    await database.connect()
    try {
      await database.query(
        `alter table messages add constraint no_poison check (content not like '${POISON}%') not valid`,
      )
      let isInOne = true
      await scene.repeat(EVERY, async () => {
        await fifty(scene, isInOne ? scene.chatIds.slice(0, 1) : scene.chatIds)
        isInOne = !isInOne
      })
    } finally {
      await database.query('alter table messages drop constraint no_poison')
      await database.end()
    }
  },
}

/** By turns in these chats, all at the same instance. */
async function fifty(scene: Scene, chatIds: readonly string[]): Promise<void> {
  const { url } = scene.pickOwner()
  const speakers = Array.from({ length: SENDS }, (_, place) => {
    const chatId = chatIds[place % chatIds.length] ?? ''
    const people = scene.voices.filter((voice) => voice.chatIds.includes(chatId))
    return { chatId, voice: people[place % people.length] }
  })
  const poisoned = scene.random.below(SENDS)
  await Promise.all(
    speakers.map(async ({ chatId, voice }, place) => {
      if (!voice) return
      if (place === poisoned) return sendPoison(scene, voice, { chatId, url })
      const { status } = await voice.insist(chatId, url)
      if (status !== 201) scene.wrong(`a send beside the poison was answered ${status}`)
    }),
  )
}

/** It is refused for good, as an error of the service's, over REST and to the client, whose next sends go on. */
async function sendPoison(scene: Scene, voice: Voice, to: { chatId: string; url: string }): Promise<void> {
  const { chatId, url } = to
  const json = { id: v7(), content: POISON }
  const response = await voice.call('POST', `/api/chats/${chatId}/messages`, { url, json })
  const { error } = (await response.json().catch(() => ({}))) as { error?: ErrorBody }
  if (error?.code === 'VALIDATION_ERROR') scene.struck()
  else scene.wrong(`the poison was answered ${response.status} ${error?.code}`)
  const told = await voice.client.send(chatId, { content: POISON }).then(
    () => 'an ack',
    ({ code }) => String(code),
  )
  if (told !== 'VALIDATION_ERROR') scene.wrong(`the poison was answered with ${told} on the socket`)
}
