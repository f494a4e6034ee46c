import { createClient } from '../../../client/client.ts'
import { enter } from '../enter.ts'
import { patiently } from '../patiently.ts'
import type { Logins } from './logins.ts'
import { narrate } from './narrate.ts'
import type { Person, Stage } from './talk.ts'
import { untilLive } from './until.ts'

const GROUP = 'Tea at four'
/** So that the demo of a folder that has had one finds its group again. */
const GROUP_KEY = 'demo'

/** gather makes the two, or finds them, as contacts with a direct chat and a group, each with a live connection. */
export async function gather(
  url: string,
  logins: Logins,
  show: (line: string) => void,
): Promise<Pick<Stage, 'ann' | 'ben' | 'groupId' | 'directId'>> {
  const ann = await createPerson(url, { username: 'ann', password: logins.ann, displayName: 'Ann' })
  const ben = await createPerson(url, { username: 'ben', password: logins.ben, displayName: 'Ben' })
  // A request of both sides is an acceptance.
  for (const [one, other] of [
    [ann, ben],
    [ben, ann],
  ] as const) {
    await patiently(() => one.client.rest.api.contacts.$post({ json: { userId: other.id } }))
  }
  const direct = await patiently(() => ann.client.openDirect(ben.id))
  const header = { 'idempotency-key': GROUP_KEY }
  const json = { name: GROUP, participantIds: [ben.id] }
  const group = await patiently(async () =>
    (await ann.client.rest.api.chats.group.$post({ header, json })).json(),
  )
  for (const person of [ann, ben]) {
    person.client.connect()
    await untilLive(person.client)
    for (const chatId of [direct.id, group.chat.id]) await patiently(() => person.client.load(chatId))
    listen(person, show)
  }
  return { ann, ben, groupId: group.chat.id, directId: direct.id }
}

async function createPerson(
  url: string,
  account: { username: string; password: string; displayName: string },
): Promise<Person> {
  const client = createClient({ url, tellDelivered: false })
  const { id } = await enter(client, account)
  return { name: account.username, id, client }
}

/** Shows what the person hears from now on, and how the connection is. */
function listen({ client, name }: Person, show: (line: string) => void): void {
  let isLost = false
  client.on('change', (change) => {
    const lines = narrate(change, (userId) => (userId && client.findUser(userId)?.username) || 'somebody')
    for (const line of lines) show(`  ${name} hears  ${line}`)
  })
  client.on('status', (status) => {
    if (status.state === 'waiting') {
      isLost = true
      show(`  ${name} has no connection, and tries again in ${(status.milliseconds / 1_000).toFixed(1)} s`)
    } else if (status.state === 'live' && isLost) {
      isLost = false
      show(`  ${name} is connected again`)
    }
  })
}
