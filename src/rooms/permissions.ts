import type { CommandType } from '../protocol/commands.ts'
import type { ChatKind, Role, UserType } from '../protocol/model.ts'

/**
 * Standing is what somebody's rights in a chat rest on: the role of a participant; or, in sessions alone and for their
 * own account's type, that of staff who take no part: an agent, an admin (`supervisor`), a service's token (`service`).
 */
export type Standing = Role | 'staff' | 'supervisor' | 'service'

/** What a role may do. `message:delete:any` and `participant:remove:admin` are the wider forms of their command. */
export type Permission =
  | Exclude<CommandType, 'chat:create' | 'chat:join' | 'session:create' | 'notes:open' | 'notes:follow'>
  | 'message:delete:any'
  | 'participant:remove:admin'
  | 'typing'

const EVERYBODY: readonly Role[] = ['owner', 'admin', 'member']
const STAFF: readonly Role[] = ['owner', 'admin']
const OWNER: readonly Role[] = ['owner']
/** Those who talk in a session, and those who work in it. An observer reads. */
const TALKERS: readonly Role[] = ['customer', 'provider', 'agent']
const WORKERS: readonly Role[] = ['provider', 'agent']
const READERS: readonly Role[] = [...TALKERS, 'observer']

/** Who may do what in which kind of chat: the one table. What is not listed is not allowed. */
const PERMISSIONS: Record<ChatKind, Partial<Record<Permission, readonly Standing[]>>> = {
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
  session: {
    'message:send': TALKERS,
    'message:edit': TALKERS,
    'message:delete': TALKERS,
    'message:read': READERS,
    'message:delivered': READERS,
    'reaction:add': TALKERS,
    'reaction:remove': TALKERS,
    'chat:mute': READERS,
    'chat:leave': ['observer'],
    'session:accept': [...WORKERS, 'observer', 'staff', 'supervisor'],
    'session:transfer': [...WORKERS, 'observer', 'supervisor', 'service'],
    'session:release': [...WORKERS, 'observer', 'supervisor', 'service'],
    'session:close': [...READERS, 'supervisor', 'service'],
    'session:reopen': [...READERS, 'supervisor', 'service'],
    'session:observe': ['observer', 'supervisor'],
    typing: TALKERS,
  },
  // Its participants are staff alone: see `decide-notes.ts`.
  notes: {
    'message:send': WORKERS,
    'message:edit': WORKERS,
    'message:delete': WORKERS,
    'message:read': [...WORKERS, 'observer'],
    'message:delivered': [...WORKERS, 'observer'],
    'reaction:add': WORKERS,
    'reaction:remove': WORKERS,
    'chat:mute': [...WORKERS, 'observer'],
    typing: WORKERS,
  },
}

/** Whether somebody of this standing may do this in a chat of this kind. */
export function may(standing: Standing, permission: Permission, kind: ChatKind): boolean {
  return PERMISSIONS[kind][permission]?.includes(standing) ?? false
}

/** How somebody of this type stands to a session that he takes no part in; undefined: it does not exist for him. */
export function standingOutside(type: UserType): Standing | undefined {
  if (type === 'agent') return 'staff'
  if (type === 'admin') return 'supervisor'
  return type === 'bot' ? 'service' : undefined
}

/** Who may: for the message of a refusal. Empty when nobody may in this kind of chat. */
export function whoMay(permission: Permission, kind: ChatKind): readonly Standing[] {
  return PERMISSIONS[kind][permission] ?? []
}
