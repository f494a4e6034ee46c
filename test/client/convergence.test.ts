import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ChatState, findMissing, fromSnapshot } from '../../src/client/chat-state.ts'
import { type ChatInput, reduce } from '../../src/client/reduce.ts'
import type { Chat } from '../../src/protocol/model.ts'
import { uuid } from '../support/builders.ts'
import { ServedChat } from './served-chat.ts'

/** A member, whom the owner may remove. */
const ME = 2
const USERS = 4

/** What a user may do, on a message that is picked by a number. */
const WISHES = [
  ...(['send', 'send', 'send', 'edit', 'edit', 'delete', 'delete', 'react', 'unreact'] as const),
  ...(['read', 'read', 'delivered', 'rename', 'mute', 'role', 'remove', 'add'] as const),
  ...(['join', 'leave', 'transfer', 'end'] as const),
]

type Step =
  | {
      readonly do: 'command'
      readonly user: number
      readonly wish: (typeof WISHES)[number]
      readonly pick: number
    }
  /** An event arrives: any that has happened, again or for the first time. */
  | { readonly do: 'event'; readonly pick: number }
  | { readonly do: 'next' }
  /** Changes are read now, and arrive when `late` is over. */
  | { readonly do: 'changes'; readonly back: number; readonly late: number }
  | { readonly do: 'older'; readonly late: number }
  | { readonly do: 'snapshot'; readonly late: number }
  | { readonly do: 'reset' }
  | { readonly do: 'head' }

const pick = fc.nat(30)
const late = fc.nat(8)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('command' as const),
      user: fc.integer({ min: 1, max: USERS }),
      wish: fc.constantFrom(...WISHES),
      pick,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('event' as const), pick }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('next' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('changes' as const), back: fc.nat(5), late }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('older' as const), late }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('snapshot' as const), late }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('head' as const) }) },
)

describe('a chat state, after any loss, doubling and disorder', () => {
  test('equals a fresh read once what it says is missing was read (C11)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 120, size: 'max' }),
        fc.integer({ min: 2, max: 9 }),
        async (steps, keep) => {
          const run = await Run.begin(keep)
          for (const each of steps) await run.take(each)
          await run.heal()
          await run.expectFresh()
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('15.1 applies every change at most once and in order (G6)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const run = await Run.begin(1_000)
        let before = run.state.applied
        for (const each of steps) {
          await run.take(each)
          const wasReset = run.sawReset
          expect(run.state.applied >= before || wasReset).toBe(true)
          before = run.state.applied
        }
      }),
      { numRuns: 200 },
    )
  })
})

class Run {
  readonly server: ServedChat
  state: ChatState
  sawReset = false
  /** Answers on their way, with the steps that they still take. */
  #answers: { left: number; input: ChatInput }[] = []

  static async begin(keepMessages: number): Promise<Run> {
    const server = await ServedChat.create(3, USERS)
    for (let count = 0; count < 9; count += 1) await server.send(1 + (count % 3), `old ${count}`)
    const state = fromSnapshot(await known(server), { userId: uuid(ME), keepMessages })
    return new Run(server, state)
  }

  private constructor(server: ServedChat, state: ChatState) {
    this.server = server
    this.state = state
  }

  async take(step: Step): Promise<void> {
    for (const answer of this.#answers) answer.left -= 1
    for (const { input } of this.#answers.filter(({ left }) => left <= 0)) this.#reduce(input)
    this.#answers = this.#answers.filter(({ left }) => left > 0)
    const input = await this.#inputOf(step)
    if (input) this.#reduce(input)
  }

  async heal(): Promise<void> {
    for (const { input } of this.#answers) this.#reduce(input)
    this.#reduce({ type: 'head', seq: this.server.head })
    for (let reads = 0; reads < 10; reads += 1) {
      const missing = findMissing(this.state)
      if (!missing) return
      if (missing.read === 'chat') {
        const chat = await this.server.chat(ME)
        this.#reduce(chat ? { type: 'snapshot', chat } : { type: 'gone' })
      } else {
        const changes = await this.server.changes(ME, missing.since)
        this.#reduce(changes ? { type: 'changes', changes } : { type: 'gone' })
      }
    }
    throw new Error(`Still missing after ten reads: ${JSON.stringify(findMissing(this.state))}`)
  }

  async expectFresh(): Promise<void> {
    const fresh = await this.server.changes(ME, 0)
    if (!fresh?.me) {
      expect(['left', 'deleted']).toContain(this.state.standing)
      return
    }
    const { applied, standing, me, info, participants, messages, loadedFrom, held } = this.state
    expect(held.size).toBe(0)
    expect({ applied, standing, me, info }).toEqual({
      applied: fresh.to,
      standing: 'in',
      me: fresh.me,
      info: fresh.chat,
    })
    const present = fresh.participants.filter(({ leftSeq }) => leftSeq === null)
    expect(new Map(participants)).toEqual(new Map(present.map((each) => [each.userId, each])))
    expect(messages.toArray()).toEqual(fresh.messages.filter(({ seq }) => seq >= loadedFrom))
  }

  #reduce(input: ChatInput): void {
    this.state = reduce(this.state, input)
  }

  async #inputOf(step: Step): Promise<ChatInput | undefined> {
    const { server, state } = this
    switch (step.do) {
      case 'command':
        await this.#command(step)
        return undefined
      case 'event':
        return this.#eventAt(step.pick % server.head)
      case 'next':
        return this.#eventAt(state.applied)
      case 'head':
        return { type: 'head', seq: server.head }
      case 'reset':
        this.sawReset = true
        return { type: 'reset', head: server.head }
      case 'changes': {
        const changes = await server.changes(ME, Math.max(state.applied - step.back, 0))
        this.#later(step.late, changes && { type: 'changes', changes })
        return undefined
      }
      case 'snapshot': {
        const chat = await server.chat(ME)
        this.#later(step.late, chat && { type: 'snapshot', chat })
        return undefined
      }
      case 'older': {
        // the client asks for one page at a time
        if (this.#answers.some(({ input }) => input.type === 'older') || state.loadedFrom === 0)
          return undefined
        const page = (await server.older(ME, state.loadedFrom)) ?? null
        this.#later(step.late, { type: 'older', before: state.loadedFrom, page })
        return { type: 'older:wanted' }
      }
      default:
        return step satisfies never
    }
  }

  /** Only what happened while I took part is ever sent to me (G11). */
  #eventAt(index: number): ChatInput | undefined {
    const event = this.server.events[index]
    if (!event || !this.#wasIn(event.seq)) return undefined
    return { type: 'event', event }
  }

  #wasIn(seq: number): boolean {
    let isIn = true
    for (const event of this.server.events.slice(0, seq)) {
      if (event.seq < seq && event.type === 'participant:left' && event.data.userId === uuid(ME)) isIn = false
      if (event.type === 'participant:joined' && event.data.participant.userId === uuid(ME)) isIn = true
    }
    return isIn
  }

  #later(steps: number, input: ChatInput | undefined): void {
    if (input) this.#answers.push({ left: steps + 1, input })
  }

  async #command({ user, wish, pick }: Extract<Step, { do: 'command' }>): Promise<void> {
    const { server } = this
    const message = server.messages[pick % server.messages.length]
    const messageId = message?.id ?? uuid(0)
    const other = uuid(pick % 2 === 0 ? ME : 3)
    const seq = Math.max(server.head - (pick % 7), 0)
    switch (wish) {
      case 'send':
        return void (await server.send(user, `said ${pick}`))
      case 'edit':
        return void (await server.command(user, { type: 'message:edit', messageId, content: `said ${pick}` }))
      case 'delete':
        return void (await server.command(user, { type: 'message:delete', messageId }))
      case 'react':
        return void (await server.command(user, { type: 'reaction:add', messageId, emoji: '+1' }))
      case 'unreact':
        return void (await server.command(user, { type: 'reaction:remove', messageId, emoji: '+1' }))
      case 'read':
        return void (await server.command(user, { type: 'message:read', seq }))
      case 'delivered':
        return void (await server.command(user, { type: 'message:delivered', seq }))
      case 'rename':
        return void (await server.command(user, { type: 'chat:update', name: `Group ${pick}` }))
      case 'mute':
        return void (await server.command(user, { type: 'chat:mute', until: '2026-02-01T00:00:00.000Z' }))
      case 'role':
        return void (await server.command(1, { type: 'participant:role', userId: other, role: 'admin' }))
      case 'remove':
        return void (await server.command(1, { type: 'participant:remove', userId: other }))
      case 'add':
        return void (await server.command(1, { type: 'participant:add', userIds: [other] }))
      case 'join':
        return void (await server.command(user, { type: 'chat:join' }))
      case 'leave':
        return void (await server.command(user, { type: 'chat:leave' }))
      case 'transfer':
        return void (await server.command(user, { type: 'chat:transfer', userId: other }))
      case 'end':
        return pick < 30 ? undefined : void (await server.command(user, { type: 'chat:delete' }))
      default:
        return wish satisfies never
    }
  }
}

async function known(server: ServedChat): Promise<Chat> {
  const chat = await server.chat(ME)
  if (!chat) throw new Error('The chat is not there')
  return chat
}
