import type { CommandType } from '../protocol/commands.ts'
import type { ChatKind, Role } from '../protocol/model.ts'

/** What a role may do. `message:delete:any` and `participant:remove:admin` are the wider forms of their command. */
export type Permission =
  | Exclude<CommandType, 'chat:create' | 'chat:join'>
  | 'message:delete:any'
  | 'participant:remove:admin'
  | 'typing'

const EVERYBODY: readonly Role[] = ['owner', 'admin', 'member']
const STAFF: readonly Role[] = ['owner', 'admin']
const OWNER: readonly Role[] = ['owner']

/** Who may do what in which kind of chat: the one table. What is not listed is not allowed. */
const PERMISSIONS: Partial<Record<ChatKind, Partial<Record<Permission, readonly Role[]>>>> = {
  direct: {
    'message:send': EVERYBODY,
    'message:edit': EVERYBODY,
    'message:delete': EVERYBODY,
    'message:read': EVERYBODY,
    'message:delivered': EVERYBODY,
    'reaction:add': EVERYBODY,
    'reaction:remove': EVERYBODY,
    'chat:mute': EVERYBODY,
    typing: EVERYBODY,
  },
  group: {
    'message:send': EVERYBODY,
    'message:edit': EVERYBODY,
    'message:delete': EVERYBODY,
    'message:delete:any': STAFF,
    'message:read': EVERYBODY,
    'message:delivered': EVERYBODY,
    'reaction:add': EVERYBODY,
    'reaction:remove': EVERYBODY,
    'chat:mute': EVERYBODY,
    'chat:leave': EVERYBODY,
    'chat:update': STAFF,
    'chat:delete': OWNER,
    'chat:transfer': OWNER,
    'participant:add': STAFF,
    'participant:remove': STAFF,
    'participant:remove:admin': OWNER,
    'participant:role': OWNER,
    typing: EVERYBODY,
  },
}

/** Whether a participant with this role may do this in a chat of this kind. */
export function may(role: Role, permission: Permission, kind: ChatKind): boolean {
  return PERMISSIONS[kind]?.[permission]?.includes(role) ?? false
}

/** Who may: for the message of a refusal. Empty when nobody may in this kind of chat. */
export function whoMay(permission: Permission, kind: ChatKind): readonly Role[] {
  return PERMISSIONS[kind]?.[permission] ?? []
}
