import { z } from 'zod'
import { bounded } from './bounded.ts'
import { ChatId, Seq, Time, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import {
  ChatInfo,
  DisplayName,
  Metadata,
  SessionStatus,
  Subject,
  Team,
  UserSummary,
  UserType,
} from './model.ts'
import { Cursor, Limit } from './pages.ts'
import { isStorable, spokenText } from './text.ts'

/** A caller's own name for something, by which a retry meets the first. */
export const ExternalId = spokenText(LIMITS.externalIdCharacters, 'Must not be empty')

const SessionMetadata = bounded(
  Metadata,
  LIMITS.metadataBytes / 4,
  `Must be at most ${LIMITS.metadataBytes} bytes of JSON`,
)

/** NewCustomer is somebody whom another issuer vouches for and who may never have been here. */
export const NewCustomer = z
  .strictObject({
    issuer: z.string().max(31).describe('The name of the issuer in the settings of the service'),
    subject: z
      .string()
      .min(1, 'Must not be empty')
      .max(LIMITS.outsideSubjectCharacters)
      .refine(isStorable, { error: 'Must not contain U+0000 or a lone surrogate' })
      .describe("As in the customer's tokens"),
    type: UserType.extract(['customer', 'member'], 'Must be customer or member').default('customer'),
    name: DisplayName.optional().describe('Until the directory or a token says another'),
  })
  .meta({ id: 'NewCustomer' })
export type NewCustomer = z.infer<typeof NewCustomer>

const NewSessionFields = z.strictObject({
  subject: Subject.nullish(),
  externalId: ExternalId.optional().describe('The same one again answers with the same session'),
  metadata: SessionMetadata.nullish().describe('Seen by everybody in the session, its customer too'),
  customerId: UserId.optional().describe('Whom it is for; oneself when left out'),
  assigneeId: UserId.optional().describe('Whose it is from the start, without a queue'),
  team: Team.nullish().describe('Whose queue it goes to; that of all agents when left out'),
})

export const CreateSessionBody = NewSessionFields.extend({
  customer: NewCustomer.optional().describe(
    'Instead of customerId, for services: a user of another issuer, made if this is the first that is heard of him',
  ),
})
  .refine(({ customer, customerId }) => customer === undefined || customerId === undefined, {
    path: ['customer'],
    error: 'Give either customer or customerId',
  })
  .meta({ id: 'CreateSession' })
export type NewSession = z.input<typeof CreateSessionBody>

export const TransferSessionBody = z
  .strictObject({
    userId: UserId.optional().describe('Another professional, whose it is at once'),
    team: Team.optional().describe('A team, in whose queue it waits'),
  })
  .refine(({ userId, team }) => (userId === undefined) !== (team === undefined), {
    error: 'Give either userId or team',
  })
  .meta({ id: 'TransferSession' })
export type SessionHeir = z.input<typeof TransferSessionBody>

export const CloseSessionBody = z
  .strictObject({
    reason: spokenText(LIMITS.closeReasonCharacters, 'Must not be empty')
      .nullish()
      .describe('Seen by everybody in the session'),
  })
  .meta({ id: 'CloseSession' })

export const Availability = z
  .enum(['available', 'away', 'offline'], 'Must be available, away or offline')
  .describe('Whether an agent takes sessions; set by the agent, apart from presence')
export type Availability = z.infer<typeof Availability>

/** What each command of a session says. */
export const SESSION_COMMANDS = {
  'session:create': z.object({ chatId: ChatId, ...NewSessionFields.shape }),
  'session:accept': z.object({ chatId: ChatId }),
  'session:transfer': z.object({ chatId: ChatId, ...TransferSessionBody.shape }),
  'session:release': z.object({ chatId: ChatId }),
  'session:close': z.object({ chatId: ChatId, ...CloseSessionBody.shape }),
  'session:reopen': z.object({ chatId: ChatId }),
  'session:observe': z.object({ chatId: ChatId }),
  'notes:open': z.object({ chatId: ChatId, sessionId: ChatId }),
  'notes:follow': z.object({ chatId: ChatId, sessionId: ChatId }),
} as const

/** SystemNote is the metadata of a `system` message: what happened, for a client to say it in its own words. */
export const SystemNote = z
  .object({
    session: z.enum(['opened', 'accepted', 'transferred', 'queued', 'closed', 'reopened']),
    by: UserId,
    assigneeId: UserId.nullable(),
    team: z.string().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: 'SystemNote' })
export type SystemNote = z.infer<typeof SystemNote>

/** ListedSession is a session as a list shows it, without its messages: these are for who takes part. */
export const ListedSession = ChatInfo.extend({
  seq: Seq,
  lastMessageAt: Time.nullable(),
  customer: UserSummary.nullable(),
  assignee: UserSummary.nullable(),
  waitingSeconds: z.int().min(0).nullable().describe('How long it waits; null while it does not'),
}).meta({ id: 'ListedSession' })
export type ListedSession = z.infer<typeof ListedSession>

export const SessionsQuery = z.strictObject({
  limit: Limit,
  cursor: Cursor.optional(),
  status: SessionStatus.optional().describe('waiting: those who wait longest come first; else the newest do'),
  assigneeId: UserId.optional(),
  customerId: UserId.optional(),
  team: Team.optional(),
  externalId: ExternalId.optional(),
})

export const AgentDesk = z
  .object({
    user: UserSummary,
    availability: Availability,
    capacity: z.int().describe('Sessions that the agent may have at once'),
    teams: z.array(z.string()).describe('Whose queues the agent serves, besides that of all agents'),
    sessions: z.int().describe('Sessions that the agent has now'),
  })
  .meta({ id: 'Agent', description: 'An agent, and how he stands to the queue' })
export type AgentDesk = z.infer<typeof AgentDesk>

export const AgentEnvelope = z.object({ agent: AgentDesk })

export const AvailabilityBody = z.strictObject({ availability: Availability }).meta({ id: 'SetAvailability' })

export const UpdateAgentBody = z
  .strictObject({
    capacity: z
      .int('Must be a whole number')
      .min(0, 'Must not be negative')
      .max(LIMITS.agentCapacityMost, `Must be at most ${LIMITS.agentCapacityMost}`)
      .optional(),
    teams: z.array(Team).max(LIMITS.teamsPerAgent).optional(),
  })
  .refine((body) => Object.keys(body).length > 0, { error: 'Give at least one field to change' })
  .meta({ id: 'UpdateAgent' })

/**
 * notesIdOf is the id of the notes of a session, and of the session of notes: the last group of digits, each turned
 * round. So both rooms know each other without a look-up, and there is one notes chat of each session.
 */
export function notesIdOf(sessionId: string): string {
  const node = sessionId
    .slice(-12)
    .replace(/[0-9a-f]/g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16))
  return sessionId.slice(0, -12) + node
}
