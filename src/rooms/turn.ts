import type { Command, CommandType } from '../protocol/commands.ts'
import type { ChatEvent } from '../protocol/events.ts'
import type { Message, ReceiptMark } from '../protocol/model.ts'
import { apply } from './apply.ts'
import type { Envelope, Known, Needs, Outcome, Principal, RoomState, SessionNeeds, Turn } from './ports.ts'
import { decide } from './room.ts'

/** A change, and the connection that hears the ack in its place. */
export interface TurnEvent {
  readonly event: ChatEvent
  readonly origin: string | null
}

/** TurnPlan is a decided turn: what to commit, and what to say once that is done. */
export interface TurnPlan {
  readonly turn: Turn
  readonly next: RoomState | undefined
  readonly events: readonly TurnEvent[]
  /** One for each envelope, in their order. Good only after the commit. */
  readonly outcomes: readonly Outcome[]
  /** Who has changed something, last; undefined where nobody has. */
  readonly by: Principal | undefined
  /** Some answer rests on the state alone and commits nothing, so it is worth as much as the state is fresh. */
  readonly isDoubtful: boolean
  /** Something was there already. Whoever stored it may have died before telling of it. */
  readonly hasReplay: boolean
}

export interface TurnInput {
  readonly chatId: string
  readonly state: RoomState | undefined
  readonly envelopes: readonly Envelope[]
  readonly known: Known
  readonly at: string
  readonly freshId: () => string
}

/**
 * sharedBy tells with what other commands a command shares its turn: messages and watermarks with each other, and
 * accepts, of which one at most has an effect and the others only hear who has the session. Every other command has a
 * turn of its own (undefined), which touches each row once.
 */
export function sharedBy(type: CommandType): 'messages' | 'accepts' | undefined {
  if (type === 'message:send' || isWatermark(type)) return 'messages'
  return type === 'session:accept' ? 'accepts' : undefined
}

export function isWatermark(type: CommandType): boolean {
  return type === 'message:read' || type === 'message:delivered'
}

/** needsOf is what the commands ask of the store. Ids of sends are looked up only when asked: the commit knows them. */
export function needsOf(envelopes: readonly Envelope[], isLookedUp: boolean): Needs {
  const messageIds = new Set<string>()
  const userIds = new Set<string>()
  const sessions: SessionNeeds[] = []
  const uploadIds = new Set<string>()
  for (const { command, principal } of envelopes) {
    if ('messageId' in command && command.messageId !== undefined) messageIds.add(command.messageId)
    if (command.type === 'message:send') {
      if (command.replyToId != null) messageIds.add(command.replyToId)
      if (isLookedUp && command.id !== undefined) messageIds.add(command.id)
      for (const id of command.attachmentIds ?? []) uploadIds.add(id)
    } else if (command.type === 'chat:create') {
      for (const userId of [principal.user.id, ...command.participantIds]) userIds.add(userId)
    } else if (command.type === 'participant:add') {
      for (const userId of [principal.user.id, ...command.userIds]) userIds.add(userId)
    } else if (command.type === 'chat:join') {
      userIds.add(principal.user.id)
    } else if (isOfSession(command)) {
      const needs = sessionNeedsOf(command, principal.user.id)
      sessions.push(needs)
      for (const userId of needs.agentIds) userIds.add(userId)
      if (command.type === 'session:create') userIds.add(command.customerId ?? principal.user.id)
    }
  }
  const needs = { messageIds: [...messageIds], userIds: [...userIds], uploadIds: [...uploadIds] }
  const [first] = sessions
  if (!first) return needs
  // Only accepts come together, and ask for nothing but their desks.
  return { ...needs, sessions: { ...first, agentIds: sessions.flatMap(({ agentIds }) => agentIds) } }
}

type SessionCommand = Extract<Command, { type: `session:${string}` | `notes:${string}` }>

function isOfSession(command: Command): command is SessionCommand {
  return command.type.startsWith('session:') || command.type.startsWith('notes:')
}

/** Whom a session could come to be with, which is whose desks are asked for. */
function sessionNeedsOf(command: SessionCommand, userId: string): SessionNeeds {
  const nothing = { agentIds: [], chatIds: [], queues: [] }
  switch (command.type) {
    case 'notes:open':
    case 'notes:follow':
      return { ...nothing, chatIds: [command.sessionId] }
    case 'session:transfer':
      return { ...nothing, agentIds: command.userId === undefined ? [] : [command.userId] }
    case 'session:create':
      return { ...nothing, agentIds: [command.assigneeId ?? userId] }
    case 'session:accept':
    case 'session:reopen':
    case 'session:observe':
      return { ...nothing, agentIds: [userId] }
    case 'session:release':
    case 'session:close':
      return nothing
    default:
      return command satisfies never
  }
}

/**
 * planTurn decides envelopes one after another, each on the state that the one before left. Watermarks of the turn
 * become one `receipts` change at its end. Pure.
 */
export function planTurn({ chatId, state, envelopes, known, at, freshId }: TurnInput): TurnPlan {
  const prevSeq = state?.seq ?? 0
  const events: TurnEvent[] = []
  const outcomes: (Outcome | undefined)[] = []
  const marks = new Map<string, ReceiptMark>()
  const messages = new Map<string, Message>(known.messages)
  const uploads = new Map(known.uploads)
  let mutes: Turn['mutes'] = []
  let seats: Turn['seats']
  let next = state
  let isDoubtful = false
  let hasReplay = false
  let by: Principal | undefined
  for (const envelope of envelopes) {
    const decision = decide({ state: next, known: { ...known, messages, uploads }, at, freshId }, envelope)
    switch (decision.kind) {
      case 'refused':
        isDoubtful = true
        outcomes.push({ ok: false, refusal: decision.refusal })
        break
      case 'watermark':
        outcomes.push(undefined)
        raise(marks, { ...decision, at })
        break
      case 'done':
        hasReplay ||= decision.isReplay === true
        isDoubtful ||= decision.events.length === 0 && !decision.isReplay
        mutes = decision.mutes ?? mutes
        seats = decision.seats ?? seats
        outcomes.push({ ok: true, data: decision.ack })
        for (const event of decision.events) {
          by = envelope.principal
          next = apply(next, event)
          events.push({ event, origin: carriesEvent(envelope.command.type) ? envelope.origin : null })
          if (event.type !== 'message:new') continue
          messages.set(event.data.message.id, event.data.message)
          for (const { id } of event.data.message.attachments) uploads.delete(id)
        }
        break
      default:
        decision satisfies never
    }
  }
  const receipts = next && receiptsEvent(next, marks, at)
  if (next && receipts) {
    next = apply(next, receipts)
    events.push({ event: receipts, origin: null })
  }
  const seq = next?.seq ?? 0
  return {
    turn: {
      ...{ chatId, prevSeq, events: events.map(({ event }) => event), mutes },
      ...(seats && { seats }),
      ...(by && { by: by.user.id }),
    },
    next,
    events,
    outcomes: outcomes.map((outcome) => outcome ?? { ok: true, data: { seq } }),
    by,
    isDoubtful,
    hasReplay,
  }
}

/** Whether the ack of the command says all that the event says, so that its connection is spared the event. */
function carriesEvent(type: CommandType): boolean {
  return type === 'message:send' || type === 'message:edit'
}

function raise(marks: Map<string, ReceiptMark>, mark: ReceiptMark): void {
  const earlier = marks.get(mark.userId)
  marks.set(mark.userId, {
    userId: mark.userId,
    readSeq: Math.max(mark.readSeq, earlier?.readSeq ?? 0),
    deliveredSeq: Math.max(mark.deliveredSeq, earlier?.deliveredSeq ?? 0),
    at: mark.at,
  })
}

function receiptsEvent(
  state: RoomState,
  marks: ReadonlyMap<string, ReceiptMark>,
  at: string,
): ChatEvent | undefined {
  const moved = [...marks.values()].filter((mark) => {
    const before = state.participants.get(mark.userId)
    return before && (mark.readSeq > before.readSeq || mark.deliveredSeq > before.deliveredSeq)
  })
  if (moved.length === 0) return undefined
  return { type: 'receipts', chatId: state.chat.id, seq: state.seq + 1, at, data: { marks: moved } }
}
