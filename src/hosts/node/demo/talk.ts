import type { ChatState } from '../../../client/chat-state.ts'
import type { Client } from '../../../client/client.ts'
import type { Message } from '../../../protocol/model.ts'
import { patiently } from '../patiently.ts'
import { until } from './until.ts'

/** A signal may be lost, so that it is not waited for longer. */
const SIGNAL_PATIENCE = 3_000

/** Person is one of the two, with the client that speaks and listens for them. */
export interface Person {
  readonly name: string
  readonly id: string
  readonly client: Client
}

export interface Stage {
  readonly ann: Person
  readonly ben: Person
  readonly groupId: string
  readonly directId: string
  /** Shows a line. */
  show(line: string): void
  /** Lets whoever watches read. */
  pause(): Promise<void>
}

/** talk is the play: everything that a chat is made of, said by one and heard by the other. */
export async function talk(stage: Stage): Promise<void> {
  const { ann, ben, groupId, directId, show } = stage
  show('\nIn the group:')
  await type(stage, ann, groupId)
  await say(stage, ann, groupId, 'Ben, are you there? The kettle is on.')
  await read(stage, ben, groupId)
  await type(stage, ben, groupId)
  const reply = await say(stage, ben, groupId, 'On my way! Two minuts.')
  await edit(stage, ben, reply, 'On my way! Two minutes.')
  await react(stage, ann, reply, '🫖')

  show('\nIn the direct chat:')
  const secret = await say(stage, ann, directId, 'Between us: there is cake.')
  await read(stage, ben, directId)
  await react(stage, ben, secret, '🍰')

  const { applied } = stateOf(ben, groupId)
  ben.client.disconnect()
  show(`\nBen's connection is cut. The last he has of the group is #${applied}. Meanwhile:`)
  const question = await say(stage, ann, groupId, 'Milk?')
  await say(stage, ann, groupId, 'Or sugar?')
  await edit(stage, ann, question, 'Milk or lemon?')
  show(`Ben is back, says "I have #${applied}", and hears what changed, as it is now:`)
  ben.client.connect()
  await until(ben.client, groupId, ({ applied: seq }) => seq >= stateOf(ann, groupId).applied)
  await say(stage, ben, groupId, 'Lemon, no sugar.')
  await read(stage, ann, groupId)
}

async function say(stage: Stage, person: Person, chatId: string, content: string): Promise<Message> {
  stage.show(`  ${person.name} says   ${content}`)
  const { message, seq } = await person.client.send(chatId, { content })
  await heard(stage, person, chatId, ({ applied }) => applied >= seq)
  return message
}

async function edit(stage: Stage, person: Person, message: Message, content: string): Promise<void> {
  stage.show(`  ${person.name} edits  #${message.seq} to: ${content}`)
  await patiently(() => person.client.edit(message, content))
  await heard(stage, person, message.chatId, (chat) => chat.messages.find(message.seq)?.content === content)
}

async function react(stage: Stage, person: Person, message: Message, emoji: string): Promise<void> {
  stage.show(`  ${person.name} reacts to #${message.seq}: ${emoji}`)
  await patiently(() => person.client.react(message, emoji))
  await heard(stage, person, message.chatId, ({ messages }) =>
    Boolean(messages.find(message.seq)?.reactions.some((reaction) => reaction.emoji === emoji)),
  )
}

async function read(stage: Stage, person: Person, chatId: string): Promise<void> {
  const { applied } = stateOf(person, chatId)
  stage.show(`  ${person.name} reads  up to #${applied}`)
  person.client.markRead(chatId, applied)
  await heard(stage, person, chatId, ({ participants }) => {
    return (participants.get(person.id)?.readSeq ?? 0) >= applied
  })
}

async function type(stage: Stage, person: Person, chatId: string): Promise<void> {
  stage.show(`  ${person.name} types`)
  person.client.type(chatId)
  const late = AbortSignal.timeout(SIGNAL_PATIENCE)
  await Promise.race([
    heard(stage, person, chatId, ({ typing }) => typing.includes(person.id)),
    new Promise((resolve) => late.addEventListener('abort', resolve)),
  ])
}

/** Whoever is away will hear it later. */
async function heard(
  { ann, ben, pause }: Stage,
  speaker: Person,
  chatId: string,
  isSo: (chat: ChatState) => boolean,
): Promise<void> {
  const { client } = speaker === ann ? ben : ann
  if (client.status.state !== 'offline') await until(client, chatId, isSo)
  await pause()
}

function stateOf({ client, name }: Person, chatId: string): ChatState {
  const chat = client.findChat(chatId)
  if (!chat) throw new Error(`${name} does not know the chat ${chatId}`)
  return chat
}
