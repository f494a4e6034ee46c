import type { AckOf, CommandOf, CommandType } from '../protocol/commands.ts'
import { RefusalError } from '../protocol/errors.ts'
import { type AppContext, type AppDeps, principalOf } from './deps.ts'

/**
 * dispatch sends a command to the room of its chat, as a socket would: there is one way to write. Rejects with the
 * room's refusal.
 */
export async function dispatch<T extends CommandType>(
  { rooms }: AppDeps,
  context: AppContext,
  command: CommandOf<T>,
): Promise<AckOf<T>> {
  const envelope = { principal: principalOf(context), command, origin: null }
  const outcome = await rooms.get(command.chatId).dispatch<T>(envelope)
  if (!outcome.ok) throw new RefusalError(outcome.refusal)
  return outcome.data
}
