import type { CommandType } from '../../../protocol/commands.ts'
import { TIMES } from '../../../protocol/limits.ts'
import { withId } from '../../../rooms/actor.ts'
import type { Rooms } from '../../../rooms/directory.ts'
import type {
  Clock,
  Envelope,
  Ids,
  Outcome,
  Principal,
  RoomDirectory,
  RoomHandle,
} from '../../../rooms/ports.ts'
import type { Members } from './members.ts'
import type { PubSub } from './pubsub.ts'

/** Milliseconds that an owner has beyond those in which a room commits, whose refusal is an answer. */
const GRACE = 500
/** Then the owner is looked up again, so many times in all, and at last the command is decided here. */
const ATTEMPTS = 3
/** Whoever is there hears what goes to this name. */
const EVERYBODY = 'all'

export interface RelayPorts {
  readonly pubsub: PubSub
  readonly members: Pick<Members, 'self' | 'taking' | 'doubt'>
  /** The rooms of this instance. */
  readonly rooms: Pick<Rooms, 'get' | 'reload'>
  readonly clock: Clock
  readonly ids: Ids
  /** Runs when what has come in by now was looked at: what goes to one instance until then goes together. */
  readonly soon: (run: () => void) => void
  /** Told how long an owner took to answer. */
  readonly onAnswer?: (milliseconds: number) => void
  /** As the rooms'; `TIMES.commitDeadline` when left out. */
  readonly commitDeadline?: number
}

/** Relay reaches every room by its owner, over at most one hop: whoever gets a command over the bus decides it. */
export interface Relay extends RoomDirectory {
  /** An instance is gone, or (without one) none can be reached: what it has not answered is tried elsewhere at once. */
  giveUp(instanceId?: string): void
  /** Resolves when what others have asked for is answered. */
  drain(): Promise<void>
}

/** What goes from one instance to another, a line each. */
type Line =
  | {
      readonly type: 'command'
      readonly id: number
      readonly from: string
      readonly chatId: string
      readonly envelope: Envelope
    }
  | { readonly type: 'reload'; readonly id: number; readonly from: string; readonly chatId: string }
  | { readonly type: 'outcome'; readonly id: number; readonly outcome: Outcome | null }
  | {
      readonly type: 'typing'
      readonly chatId: string
      readonly principal: Principal
      readonly isTyping: boolean
    }
  /** To all: the room may be in anybody's memory. */
  | { readonly type: 'forget'; readonly from: string; readonly chatId: string }

interface Asked {
  readonly owner: string
  /** With nothing when the owner is gone, or does not answer. */
  readonly settle: (outcome: Outcome | null | undefined) => void
}

type Question = Extract<Line, { type: 'command' | 'reload' }>
type Unnumbered<T> = T extends unknown ? Omit<T, 'id' | 'from'> : never

export function createRelay(ports: RelayPorts): Relay {
  const { pubsub, members, rooms, clock, ids, soon, onAnswer } = ports
  const { commitDeadline = TIMES.commitDeadline } = ports
  const asked = new Map<number, Asked>()
  let questions = 0
  const outgoing = new Map<string, string[]>()
  const answering = new Set<Promise<void>>()
  for (const name of [members.self, EVERYBODY]) {
    void pubsub.subscribe(inboxOf(name), (text) => text.split('\n').forEach(hear))
  }

  function tell(instanceId: string, line: Line): void {
    const lines = outgoing.get(instanceId)
    const text = JSON.stringify(line)
    if (lines) return void lines.push(text)
    outgoing.set(instanceId, [text])
    soon(() => {
      const all = outgoing.get(instanceId)?.join('\n') ?? ''
      outgoing.delete(instanceId)
      pubsub.publish(inboxOf(instanceId), all, () => {
        // It was killed, and Redis knows before its heartbeats are missed.
        members.doubt(instanceId)
        giveUp(instanceId)
      })
    })
  }

  function giveUp(instanceId?: string): void {
    for (const { owner, settle } of [...asked.values()]) {
      if (instanceId === undefined || owner === instanceId) settle(undefined)
    }
  }

  function hear(text: string): void {
    const line: Line = JSON.parse(text)
    switch (line.type) {
      case 'command':
        answer(line, rooms.get(line.chatId).dispatch(line.envelope))
        break
      case 'reload':
        answer(
          line,
          rooms.reload(line.chatId).then(() => null),
        )
        break
      case 'outcome':
        asked.get(line.id)?.settle(line.outcome)
        break
      case 'typing':
        rooms.get(line.chatId).typing(line.principal, line.isTyping)
        break
      case 'forget':
        if (line.from !== members.self) void rooms.reload(line.chatId)
        break
      default:
        line satisfies never
    }
  }

  function answer({ id, from }: Question, deciding: Promise<Outcome | null>): void {
    const answered = deciding.then((outcome) => tell(from, { type: 'outcome', id, outcome }))
    answering.add(answered)
    void answered.finally(() => answering.delete(answered))
  }

  /** Asks the owner, again where it does not answer; undefined when the room is to be run here. */
  async function ask(question: Unnumbered<Question>): Promise<Outcome | null | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const owner = members.taking.ownerOf(question.chatId)
      if (owner === undefined || owner === members.self) return undefined
      const outcome = await askOnce(owner, question)
      if (outcome !== undefined) return outcome
    }
    return undefined
  }

  function askOnce(owner: string, question: Unnumbered<Question>): Promise<Outcome | null | undefined> {
    questions += 1
    const id = questions
    const begin = clock.now()
    return new Promise((resolve) => {
      const settle = (outcome: Outcome | null | undefined) => {
        cancel()
        if (outcome !== undefined) onAnswer?.(clock.now() - begin)
        asked.delete(id)
        resolve(outcome)
      }
      const cancel = clock.after(commitDeadline + GRACE, () => settle(undefined))
      asked.set(id, { owner, settle })
      tell(owner, { ...question, id, from: members.self })
    })
  }

  function createHandle(chatId: string): RoomHandle {
    const isHere = () => (members.taking.ownerOf(chatId) ?? members.self) === members.self
    return {
      async dispatch<T extends CommandType>(given: Envelope<T>) {
        if (isHere()) return rooms.get(chatId).dispatch(given)
        const envelope = withId(given as Envelope, ids)
        const outcome = await ask({ type: 'command', chatId, envelope })
        return (outcome ?? (await rooms.get(chatId).dispatch(envelope))) as Outcome<T>
      },
      typing(principal, isTyping) {
        const owner = members.taking.ownerOf(chatId) ?? members.self
        if (owner === members.self) rooms.get(chatId).typing(principal, isTyping)
        else tell(owner, { type: 'typing', chatId, principal, isTyping })
      },
      async reload() {
        tell(EVERYBODY, { type: 'forget', from: members.self, chatId })
        await Promise.all([rooms.reload(chatId), ask({ type: 'reload', chatId })])
      },
    }
  }

  return {
    get: createHandle,
    giveUp,
    async drain() {
      while (answering.size > 0) await Promise.all(answering)
      // What was answered last is still to be published.
      await new Promise<void>((resolve) => soon(resolve))
    },
  }
}

function inboxOf(instanceId: string): string {
  return `relay:${instanceId}`
}
