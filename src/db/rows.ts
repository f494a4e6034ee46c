import type {
  Attachment,
  ChatInfo,
  Formatting,
  Membership,
  Message,
  Metadata,
  Participant,
  Reaction,
  SessionInfo,
  User,
  UserSummary,
} from '../protocol/model.ts'

/**
 * Rows as Postgres writes them into JSON (`to_json`): the one form in which every hand-written read here gets them,
 * on its own or in an array beside others. Times are ISO 8601 with an offset.
 */
export interface UserRow extends Omit<UserSummary, 'displayName' | 'avatarUrl'> {
  readonly display_name: string
  readonly avatar_url: string | null
  readonly last_seen: string | null
}

export interface ChatRow {
  readonly id: string
  readonly kind: ChatInfo['kind']
  readonly name: string | null
  readonly slug: string | null
  readonly avatar_url: string | null
  readonly owner_id: string | null
  readonly subject: string | null
  readonly status: ChatInfo['status']
  readonly assignee_id: string | null
  readonly parent_id: string | null
  readonly external_id: string | null
  readonly team: string | null
  readonly metadata: Metadata | null
  readonly queued_at: string | null
  readonly closed_at: string | null
  readonly close_reason: string | null
  readonly history: ChatInfo['history']
  readonly is_open: boolean
  readonly created_at: string
}

export interface ParticipantRow {
  readonly user_id: string
  readonly role: Participant['role']
  readonly joined_seq: number
  readonly left_seq: number | null
  readonly read_seq: number
  readonly delivered_seq: number
  readonly user: UserRow
}

export interface AttachmentRow {
  readonly id: string
  readonly kind: Attachment['kind']
  readonly file_name: string
  readonly content_type: string
  readonly bytes: number
  readonly width: number | null
  readonly height: number | null
  readonly placeholder: string | null
}

export interface MessageRow {
  readonly id: string
  readonly chat_id: string
  readonly seq: number
  readonly changed_seq: number
  readonly sender_id: string | null
  readonly content_type: Message['contentType']
  readonly content: string
  readonly formatting: Formatting | null
  readonly metadata: Metadata | null
  readonly mentions: string[] | null
  readonly reply_to_id: string | null
  readonly created_at: string
  readonly edited_at: string | null
  readonly deleted_at: string | null
  readonly reactions: Reaction[] | null
  readonly attachments: readonly AttachmentRow[] | null
}

export interface MembershipRow {
  readonly role: Membership['role']
  readonly read_seq: number
  readonly unread: number
  readonly muted_until: string | null
}

/** userJson is the SQL of a UserRow, of the table or alias. */
export function userJson(users: string): string {
  return `json_build_object('id', ${users}.id, 'username', ${users}.username, 'display_name', ${users}.display_name,
    'avatar_url', ${users}.avatar_url, 'type', ${users}.type, 'last_seen', ${users}.last_seen)`
}

/** participantJson is the SQL of a ParticipantRow, of the two tables or aliases. */
export function participantJson(participants: string, users: string): string {
  const it = participants
  return `json_build_object('user_id', ${it}.user_id, 'role', ${it}.role, 'joined_seq', ${it}.joined_seq,
    'left_seq', ${it}.left_seq, 'read_seq', ${it}.read_seq, 'delivered_seq', ${it}.delivered_seq,
    'user', ${userJson(users)})`
}

/** chatJson is the SQL of a ChatRow, of the table or alias. */
export function chatJson(chats: string): string {
  return `to_json(${chats})`
}

/** membershipJson is the SQL of a MembershipRow, of a participant's and a chat's alias; null without participant. */
export function membershipJson(participants: string, chats: string): string {
  const it = participants
  return `case when ${it}.user_id is not null then json_build_object('role', ${it}.role, 'read_seq', ${it}.read_seq,
    'muted_until', ${it}.muted_until, 'unread', (
      select count(*) from messages m where m.chat_id = ${it}.chat_id and m.seq > ${it}.read_seq
        and m.deleted_at is null and m.sender_id is distinct from ${it}.user_id
        and (${chats}.history = 'all' or m.seq >= ${it}.joined_seq)
    )) end`
}

/**
 * messageJson is the SQL of a MessageRow, of the table or alias; its attachments are looked up with it, and its
 * reactions where there can be any: each was a change of the message. Looking for none is a fifth of the price of a row.
 */
export function messageJson(messages: string): string {
  const it = messages
  return `json_build_object('id', ${it}.id, 'chat_id', ${it}.chat_id, 'seq', ${it}.seq,
    'changed_seq', ${it}.changed_seq, 'sender_id', ${it}.sender_id, 'content_type', ${it}.content_type,
    'content', ${it}.content, 'formatting', ${it}.formatting, 'metadata', ${it}.metadata,
    'mentions', ${it}.mentions, 'reply_to_id', ${it}.reply_to_id, 'created_at', ${it}.created_at,
    'edited_at', ${it}.edited_at, 'deleted_at', ${it}.deleted_at, 'reactions', case when ${it}.changed_seq > ${it}.seq then (
      select json_agg(json_build_object('emoji', r.emoji, 'count', r.count, 'users', r.users) order by r.place)
      from (
        select emoji, count(*), json_agg(user_id order by seq) as users, min(emoji_seq) as place
        from message_reactions where message_id = ${it}.id group by emoji
      ) r
    ) end, 'attachments', (
      select json_agg(${attachmentJson('a')} order by a.place) from attachments a where a.message_id = ${it}.id
    ))`
}

/** attachmentJson is the SQL of an AttachmentRow, of the table or alias. */
export function attachmentJson(attachments: string): string {
  const it = attachments
  return `json_build_object('id', ${it}.id, 'kind', ${it}.kind, 'file_name', ${it}.file_name,
    'content_type', ${it}.content_type, 'bytes', ${it}.bytes, 'width', ${it}.width, 'height', ${it}.height,
    'placeholder', ${it}.placeholder)`
}

/** toUser leaves presence to those who know it. */
export function toUser(row: UserRow): User {
  return {
    id: row.id,
    username: row.username,
    displayName: row.display_name,
    avatarUrl: row.avatar_url,
    type: row.type,
    status: 'offline',
    lastSeen: toTime(row.last_seen),
  }
}

export function toSummary({ id, username, display_name, avatar_url, type }: UserRow): UserSummary {
  return { id, username, displayName: display_name, avatarUrl: avatar_url, type }
}

export function toChatInfo(row: ChatRow): ChatInfo {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    slug: row.slug,
    avatarUrl: row.avatar_url,
    ownerId: row.owner_id,
    subject: row.subject,
    status: row.status,
    assigneeId: row.assignee_id,
    parentId: row.parent_id,
    session: row.kind === 'session' ? toSessionInfo(row) : null,
    history: row.history,
    isOpen: row.is_open,
    createdAt: new Date(row.created_at).toISOString(),
  }
}

function toSessionInfo(row: ChatRow): SessionInfo {
  return {
    externalId: row.external_id,
    team: row.team,
    metadata: row.metadata,
    queuedAt: toTime(row.queued_at),
    closedAt: toTime(row.closed_at),
    closeReason: row.close_reason,
  }
}

export function toParticipant(row: ParticipantRow): Participant {
  return {
    userId: row.user_id,
    role: row.role,
    joinedSeq: row.joined_seq,
    leftSeq: row.left_seq,
    readSeq: row.read_seq,
    deliveredSeq: row.delivered_seq,
    user: toUser(row.user),
  }
}

export function toMembership(row: MembershipRow): Membership {
  return {
    role: row.role,
    readSeq: row.read_seq,
    unread: row.unread,
    mutedUntil: toTime(row.muted_until),
  }
}

export function toMessage(row: MessageRow): Message {
  return {
    id: row.id,
    chatId: row.chat_id,
    seq: row.seq,
    changedSeq: row.changed_seq,
    senderId: row.sender_id,
    contentType: row.content_type,
    content: row.content,
    formatting: row.formatting,
    metadata: row.metadata,
    replyToId: row.reply_to_id,
    mentions: row.mentions ?? [],
    reactions: row.reactions ?? [],
    attachments: (row.attachments ?? []).map(toAttachment),
    isEdited: row.edited_at !== null,
    editedAt: toTime(row.edited_at),
    isDeleted: row.deleted_at !== null,
    deletedAt: toTime(row.deleted_at),
    createdAt: new Date(row.created_at).toISOString(),
  }
}

/** toAttachment names the file by its stable paths, which check access. */
export function toAttachment(row: AttachmentRow): Attachment {
  const path = `/api/attachments/${row.id}`
  const isImage = row.kind === 'image'
  return {
    id: row.id,
    kind: row.kind,
    fileName: row.file_name,
    contentType: row.content_type,
    bytes: row.bytes,
    width: row.width,
    height: row.height,
    placeholder: row.placeholder,
    url: `${path}/original`,
    mediumUrl: isImage ? `${path}/medium` : null,
    thumbnailUrl: isImage ? `${path}/thumbnail` : null,
  }
}

/** toTime gives the wire's one spelling of a time. */
export function toTime(value: string | null): string | null {
  return value === null ? null : new Date(value).toISOString()
}
