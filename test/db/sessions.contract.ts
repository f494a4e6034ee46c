import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LIMITS } from '../../src/protocol/limits.ts'
import type { User } from '../../src/protocol/model.ts'
import type { RoomStore, SessionNeeds, Turn } from '../../src/rooms/ports.ts'
import { createUser, Script, timeOf, toParticipant } from '../support/script.ts'
import type { TestStore } from './room-store.contract.ts'

type SessionStore = Pick<TestStore, 'store' | 'addUsers' | 'close'>

/** What every RoomStore does alike with sessions and the desks of agents. */
export function describeSessions(name: string, open: () => Promise<SessionStore>): void {
  describe(`sessions in ${name}`, () => {
    let it: SessionStore
    const commit = async (...turns: readonly Parameters<RoomStore['commit']>[0][]) => {
      for (const turn of turns) expect(await it.store.commit(turn)).toEqual({ status: 'committed' })
    }
    const load = (script: Script) => it.store.load(script.chat.id)
    const know = async (sessions: SessionNeeds) =>
      (await it.store.read({ messageIds: [], userIds: [], uploadIds: [], sessions })).sessions

    beforeAll(async () => {
      it = await open()
    })
    afterAll(() => it.close())

    test('gives a session back as it was opened, with a message of the service', async () => {
      const [customer, agent] = await withAgent()
      const script = openedBy(customer)
      await commit(script.created(), accept(script, agent))
      const state = await load(script)
      expect(state).toMatchObject({ seq: 4, chat: { status: 'active', assigneeId: agent.id } })
      expect(state?.chat.session).toEqual(script.chat.session)
      expect(state?.participants.get(agent.id)?.role).toBe('agent')
    })

    test('seats an agent only where there is room, whichever chat it is for, and frees the seat', async () => {
      const [customer, agent] = await withAgent()
      const scripts = Array.from({ length: LIMITS.agentCapacity + 1 }, () => openedBy(customer))
      for (const script of scripts) await commit(script.created())
      const [last, ...others] = scripts
      if (!last) throw new Error('There is no last one')
      for (const script of others) await commit(accept(script, agent))
      const tooMany = accept(last, agent)
      expect(await it.store.commit(tooMany)).toEqual({ status: 'stale' })
      expect((await load(last))?.seq).toBe(1)
      const [first] = others
      if (first) await commit({ ...first.left(agent), seats: { take: null, free: agent.id } })
      await commit(tooMany)
      const sessions = await know(asked(agent))
      const desk = sessions?.desks.get(agent.id)
      expect(desk?.sessionIds.toSorted()).toEqual(
        scripts
          .filter((it) => it !== first)
          .map(({ chat }) => chat.id)
          .toSorted(),
      )
    })

    test('names the available agents of a queue, and admins', async () => {
      const [, agent] = await withAgent()
      const boss: User = { ...createUser(), type: 'admin' }
      await it.addUsers([boss])
      const all = await know({ ...asked(agent), queues: [null] })
      expect(all?.listeners).toEqual(expect.arrayContaining([agent.id, boss.id]))
      const night = await know({ ...asked(agent), queues: ['night'] })
      expect(night?.listeners).toContain(boss.id)
      expect(night?.listeners).not.toContain(agent.id)
    })

    async function withAgent(): Promise<[customer: User, agent: User]> {
      const [customer, agent]: [User, User] = [createUser(), { ...createUser(), type: 'agent' }]
      await it.addUsers([customer, agent])
      await know(asked(agent))
      return [customer, agent]
    }
  })
}

function asked({ id }: User) {
  return { agentIds: [id], chatIds: [], queues: [] }
}

function openedBy(customer: User): Script {
  const session = {
    ...{ externalId: 'order-7', team: 'night', metadata: { z: 1, a: 2 }, queuedAt: timeOf(1) },
    ...{ closedAt: null, closeReason: null },
  }
  return new Script([customer], { kind: 'session', status: 'waiting', ownerId: customer.id, session })
}

/** The turn by which the agent takes the session, as a room decides it. */
function accept(script: Script, agent: User): Turn {
  const message = script.message(agent, { contentType: 'system', metadata: { session: 'accepted' } }, 3)
  Object.assign(script.chat, { status: 'active', assigneeId: agent.id })
  const turn = script.turn(
    {
      type: 'participant:joined',
      data: { participant: toParticipant(agent, { role: 'agent', seq: script.seq + 1 }) },
    },
    { type: 'session:accepted', data: { chat: { ...script.chat } } },
    { type: 'message:new', data: { message, sender: agent } },
  )
  return { ...turn, seats: { take: agent.id, free: null } }
}
