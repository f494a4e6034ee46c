import { z } from 'zod'
import { CLOSES } from './errors.ts'
import { ChatEvent, Signal } from './events.ts'
import {
  Ack,
  Bye,
  ClientFrame,
  ErrorReply,
  FrameAcks,
  HeadsFrame,
  Hello,
  SyncBatch,
  SyncReset,
} from './frames.ts'
import { PING, PONG, PROTOCOL_VERSION, SUBPROTOCOL } from './version.ts'

/** JsonSchema is a JSON Schema 2020-12, as far as the reference reads it. */
export type JsonSchema = z.core.JSONSchema.BaseSchema

/** SocketMessage is one kind of frame as the document tells it. */
export interface SocketMessage {
  readonly name: string
  readonly title: string
  readonly summary: string
  readonly payload: JsonSchema
}

interface Operation {
  readonly action: 'send' | 'receive'
  readonly summary: string
  readonly channel: Reference
  readonly messages: readonly Reference[]
  readonly reply?: { readonly channel: Reference; readonly messages: readonly Reference[] }
}

interface Reference {
  readonly $ref: string
}

/** AsyncApi is the document that describes the socket: AsyncAPI 3.0. */
export interface AsyncApi {
  readonly asyncapi: '3.0.0'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly servers: Readonly<Record<string, object>>
  readonly defaultContentType: string
  readonly channels: { readonly socket: Channel }
  readonly operations: Readonly<Record<string, Operation>>
  readonly components: {
    readonly messages: Readonly<Record<string, SocketMessage>>
    readonly schemas: Readonly<Record<string, JsonSchema>>
  }
}

interface Channel {
  readonly address: string
  readonly description: string
  readonly messages: Readonly<Record<string, Reference>>
}

const DESCRIPTION = `One socket carries all chats of its user. Frames are text: JSON, at most 64 KiB.
Authenticate before the upgrade: Authorization: Bearer, or the subprotocol pair "${SUBPROTOCOL}, bearer.<token>", or
a one-use ticket (POST /api/auth/ticket) as ?ticket=. A client frame {type, id, data} has one reply: an ack or an
error with the same id. Events are numbered per chat without a hole; signals are not numbered and may be lost.
The text "${PING}", which is no frame, is answered by the text "${PONG}".`

const CLIENT = ClientFrame.options
const SERVER = [
  ...[Hello, SyncBatch, SyncReset],
  ...ChatEvent.options,
  ...Signal.options,
  ...[HeadsFrame, Bye, ErrorReply],
]

/** createAsyncApi makes the document from the very schemas that frames are parsed with. */
export function createAsyncApi(version: string): AsyncApi {
  const schemas: Record<string, JsonSchema> = {}
  const messages: Record<string, SocketMessage> = {}
  const operations: Record<string, Operation> = {}
  const error = keyOf(ErrorReply)

  for (const schema of SERVER) {
    const key = keyOf(schema)
    messages[key] = toMessage(schema, schemas)
    operations[key] = operation('send', summaryOf(schema), [key])
  }
  for (const schema of CLIENT) {
    const key = keyOf(schema)
    messages[key] = toMessage(schema, schemas)
    const ack = addAck(schema.shape.type.value, messages, schemas)
    const reply = { channel: CHANNEL, messages: [...(ack ? [ack] : []), error].map(inChannel) }
    operations[key] = { ...operation('receive', summaryOf(schema), [key]), reply }
  }
  return {
    asyncapi: '3.0.0',
    info: { title: 'Parley socket', version, description: DESCRIPTION },
    servers: {
      self: { host: 'localhost:3000', protocol: 'ws', description: `Protocol ${PROTOCOL_VERSION}` },
    },
    defaultContentType: 'application/json',
    channels: {
      socket: {
        address: '/ws',
        description: closesText(),
        messages: Object.fromEntries(
          Object.keys(messages).map((key) => [key, { $ref: `#/components/messages/${key}` }]),
        ),
      },
    },
    operations,
    components: { messages, schemas },
  }
}

const CHANNEL: Reference = { $ref: '#/channels/socket' }

function inChannel(key: string): Reference {
  return { $ref: `#/channels/socket/messages/${key}` }
}

function operation(action: Operation['action'], summary: string, keys: readonly string[]): Operation {
  return { action, summary, channel: CHANNEL, messages: keys.map(inChannel) }
}

/** The ack of a client frame, where it has one: typing is answered by errors alone. */
function addAck(
  type: string,
  messages: Record<string, SocketMessage>,
  schemas: Record<string, JsonSchema>,
): string | undefined {
  const data = Object.entries(FrameAcks).find(([name]) => name === type)?.[1]
  if (!data) return undefined
  const schema = Ack.extend({ data }).meta({ id: `ack:${type}`, description: `${type} is done` })
  const key = keyOf(schema)
  messages[key] = { ...toMessage(schema, schemas), name: 'ack' }
  return key
}

function toMessage(schema: z.ZodType, schemas: Record<string, JsonSchema>): SocketMessage {
  const key = keyOf(schema)
  const {
    $defs = {},
    $ref: _,
    $schema: __,
    ...own
  } = z.toJSONSchema(schema, { io: 'input', override: plain })
  for (const [name, definition] of Object.entries($defs)) {
    if (keyFor(name) !== key) schemas[keyFor(name)] = hoisted(definition)
  }
  const payload = hoisted($defs[idOf(schema)] ?? own)
  const type = payload.properties?.type
  const name = typeof type === 'object' && typeof type.const === 'string' ? type.const : key
  return { name, title: key, summary: summaryOf(schema), payload }
}

/** Spares the reader what a format says already. */
function plain({ jsonSchema }: { jsonSchema: JsonSchema }): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
}

/** The same schema with its references into the document's own schemas. */
function hoisted(schema: JsonSchema): JsonSchema {
  const text = JSON.stringify(schema).replace(
    /"#\/\$defs\/([^"]+)"/g,
    (_, name: string) => `"#/components/schemas/${keyFor(name)}"`,
  )
  return JSON.parse(text)
}

function closesText(): string {
  const closes = Object.entries(CLOSES).map(
    ([reason, { code, reconnect }]) => `${code} ${reason}${reconnect ? ' (reconnect)' : ''}`,
  )
  return `Close codes: ${closes.join(', ')}.`
}

function idOf(schema: z.ZodType): string {
  return String(schema.meta()?.id)
}

function summaryOf(schema: z.ZodType): string {
  return schema.meta()?.description ?? ''
}

function keyOf(schema: z.ZodType): string {
  return keyFor(idOf(schema))
}

/** Names of components are letters, digits, dots, hyphens and underscores. */
function keyFor(id: string): string {
  return id.replaceAll(':', '.')
}
