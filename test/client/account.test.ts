import { expect, test } from 'vitest'
import { Account } from '../../src/client/account.ts'
import { AT, GROUP } from '../support/builders.ts'
import { chatAt, ME, participantOf, THEM } from './chats.ts'

test('who is called otherwise now is so in chats, among contacts and as oneself', () => {
  const changed: string[] = []
  const account = new Account(
    { keepMessages: 10 },
    { onChat: ({ after }) => changed.push(after.id), onSignal() {}, onClear() {} },
  )
  const [me, them] = [participantOf(1).user, participantOf(2).user]
  account.begin(me, 'log')
  account.take(GROUP, { type: 'snapshot', chat: chatAt(10) })
  account.setContact(THEM, {
    ...{ id: THEM, status: 'accepted', requestedBy: ME, user: them, createdAt: AT, acceptedAt: AT },
  })
  for (const { status: _, lastSeen: __, ...user } of [me, them]) {
    account.hear({ type: 'user:updated', data: { user: { ...user, displayName: 'Dr. Lovelace' } } })
  }
  const participants = account.chats.get(GROUP)?.participants
  const shown = [
    ...[account.user, account.users.get(THEM), account.contacts.get(THEM)?.user],
    ...[participants?.get(ME)?.user, participants?.get(THEM)?.user],
  ]
  expect(shown.map((user) => user?.displayName)).toEqual(Array(5).fill('Dr. Lovelace'))
  expect(participants?.get(THEM)?.user.status).toBe(them.status)
  expect(changed).toHaveLength(3)
})
