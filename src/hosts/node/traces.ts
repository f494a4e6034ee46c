import { context, ProxyTracerProvider, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import type { CommandType } from '../../protocol/commands.ts'
import { withId } from '../../rooms/actor.ts'
import type {
  CommitResult,
  Envelope,
  Ids,
  Outcome,
  RoomDirectory,
  RoomHandle,
  RoomStore,
  Turn,
} from '../../rooms/ports.ts'

const NAME = 'parley'

/**
 * Traces follows a send: `send_message` from its dispatch to its ack, and in it the `commit` of the turn that it went
 * with. A span has ids and numbers, and nothing that people wrote. Where a chat's owner is another instance, the commit
 * there is a trace of its own.
 */
export interface Traces {
  followCommands(rooms: RoomDirectory): RoomDirectory
  followCommits(store: RoomStore): RoomStore
}

/** createTraces follows nothing, at no cost, unless a tracer provider was registered before the start. */
export function createTraces(ids: Ids): Traces {
  const provider = trace.getTracerProvider()
  const isListenedTo = !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(NAME)
  if (!isListenedTo) return { followCommands: (rooms) => rooms, followCommits: (store) => store }
  /** Sends on their way, by the id of their message. */
  const sends = new Map<string, Span>()
  return {
    followCommands: (rooms) => ({ get: (chatId) => followRoom(rooms.get(chatId), sends, ids) }),
    followCommits: (store) => ({
      load: (chatId) => store.load(chatId),
      read: (needs) => store.read(needs),
      commit: (turn) => followCommit(turn, sends, store),
    }),
  }
}

function followRoom(room: RoomHandle, sends: Map<string, Span>, ids: Ids): RoomHandle {
  return {
    async dispatch<T extends CommandType>(envelope: Envelope<T>): Promise<Outcome<T>> {
      const named = withId(envelope as Envelope, ids)
      const { command, principal } = named
      if (command.type !== 'message:send' || command.id === undefined) return room.dispatch(envelope)
      const span = trace.getTracer(NAME).startSpan('send_message', {
        attributes: { 'chat.id': command.chatId, 'user.id': principal.user.id, 'message.id': command.id },
      })
      sends.set(command.id, span)
      const outcome = (await room.dispatch(named)) as Outcome<T>
      if (sends.get(command.id) === span) sends.delete(command.id)
      if (!outcome.ok) span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.refusal.code })
      span.end()
      return outcome
    },
    typing: (principal, isTyping) => room.typing(principal, isTyping),
    reload: () => room.reload(),
  }
}

/** A turn commits many sends at once: the span is in the trace of the first, and linked with the others. */
async function followCommit(turn: Turn, sends: Map<string, Span>, store: RoomStore): Promise<CommitResult> {
  const [first, ...others] = turn.events.flatMap((event) =>
    event.type === 'message:new' ? (sends.get(event.data.message.id) ?? []) : [],
  )
  const parent = first ? trace.setSpan(context.active(), first) : context.active()
  const options = {
    attributes: { 'chat.id': turn.chatId, 'turn.changes': turn.events.length },
    links: others.map((other) => ({ context: other.spanContext() })),
  }
  const span = trace.getTracer(NAME).startSpan('commit', options, parent)
  const result = await store.commit(turn)
  span.setAttribute('commit.status', result.status)
  if (result.status !== 'committed') span.setStatus({ code: SpanStatusCode.ERROR, message: result.status })
  span.end()
  return result
}
