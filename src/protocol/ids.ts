import { z } from 'zod'

const NOT_UUID = 'Must be a UUID'

/** A UUID in lower case; upper case is accepted and folded, so that one id has one spelling everywhere. */
export const Uuid = z.uuid(NOT_UUID).toLowerCase()

/** The id of a user, a chat or a message. */
export const UserId = Uuid.describe('A user')
export const ChatId = Uuid.describe('A chat')

/** A message's id: a UUIDv7 that the client may choose. It is the idempotency key of the send. */
export const MessageId = z.uuidv7('Must be a UUIDv7').toLowerCase().describe('A message, by a UUIDv7')

/** A change's number in its chat: from 1, without a hole. 0 means "before the first". */
export const Seq = z
  .int('Must be a whole number')
  .min(0, 'Must not be negative')
  .describe("A change's number in its chat, from 1 without a hole")

/** A moment as ISO 8601 in UTC with milliseconds. For display only: order is `seq`. */
export const Time = z.iso.datetime().describe('ISO 8601, UTC. For display: order is `seq`')
