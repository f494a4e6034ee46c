import type { CommandType } from '../protocol/commands.ts'
import {
  decideAdd,
  decideCreate,
  decideDeleteChat,
  decideJoin,
  decideLeave,
  decideMute,
  decideRemove,
  decideRole,
  decideTransfer,
  decideUpdate,
} from './decide-chats.ts'
import {
  decideDelete,
  decideEdit,
  decideReact,
  decideSend,
  decideUnreact,
  decideWatermark,
} from './decide-messages.ts'
import { decideFollow, decideOpenNotes } from './decide-notes.ts'
import { decideCreateSession } from './decide-session-create.ts'
import {
  decideAccept,
  decideClose,
  decideObserve,
  decideRelease,
  decideReopen,
  decideTransferSession,
} from './decide-sessions.ts'
import type { Decide, Decision, Situation } from './decision.ts'
import type { Envelope } from './ports.ts'

const DECIDE: { [T in CommandType]: Decide<T> } = {
  'message:send': decideSend,
  'message:edit': decideEdit,
  'message:delete': decideDelete,
  'message:read': decideWatermark,
  'message:delivered': decideWatermark,
  'reaction:add': decideReact,
  'reaction:remove': decideUnreact,
  'chat:create': decideCreate,
  'chat:update': decideUpdate,
  'chat:delete': decideDeleteChat,
  'chat:mute': decideMute,
  'chat:join': decideJoin,
  'chat:leave': decideLeave,
  'chat:transfer': decideTransfer,
  'participant:add': decideAdd,
  'participant:remove': decideRemove,
  'participant:role': decideRole,
  'session:create': decideCreateSession,
  'session:accept': decideAccept,
  'session:transfer': decideTransferSession,
  'session:release': decideRelease,
  'session:close': decideClose,
  'session:reopen': decideReopen,
  'session:observe': decideObserve,
  'notes:open': decideOpenNotes,
  'notes:follow': decideFollow,
}

/** decide says what one command comes to in a situation. Pure: same in, same out. */
export function decide<T extends CommandType>(
  situation: Omit<Situation, 'principal'>,
  envelope: Envelope<T>,
): Decision<T> {
  const { principal, command } = envelope
  return DECIDE[command.type as T]({ ...situation, principal }, command)
}
