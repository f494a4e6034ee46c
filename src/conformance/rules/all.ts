import type { ProtocolRule } from '../rule.ts'
import { accounts } from './accounts.ts'
import { attachments } from './attachments.ts'
import { changing } from './changing.ts'
import { chats } from './chats.ts'
import { connecting } from './connecting.ts'
import { messageContent } from './content.ts'
import { frames } from './frames.ts'
import { garbage } from './garbage.ts'
import { history } from './history.ts'
import { limits } from './limits.ts'
import { load } from './load.ts'
import { membership } from './membership.ts'
import { people } from './people.ts'
import { presence } from './presence.ts'
import { pushes } from './pushes.ts'
import { reactions } from './reactions.ts'
import { receipts } from './receipts.ts'
import { rest } from './rest.ts'
import { sending } from './sending.ts'
import { sessionHistory } from './session-history.ts'
import { sessions } from './sessions.ts'
import { syncing } from './syncing.ts'
import { webhooks } from './webhooks.ts'

/** PROTOCOL_RULES is every rule that can be seen from outside, in the order of `docs/protocol.md`. */
export const PROTOCOL_RULES: readonly ProtocolRule[] = [
  ...[...connecting, ...frames, ...sending, ...messageContent, ...changing, ...reactions, ...receipts],
  ...[...presence, ...syncing, ...membership, ...chats, ...people, ...accounts, ...rest, ...history],
  ...[...garbage, ...limits, ...load, ...sessions, ...sessionHistory, ...attachments, ...pushes, ...webhooks],
].toSorted((a, b) => place(a) - place(b))

function place({ number }: ProtocolRule): number {
  const [section = 0, rule = 0] = number.split('.').map(Number)
  return section * 1_000 + rule
}
