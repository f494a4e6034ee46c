import { setTimeout as sleep } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import { ChatCopy } from '../../../conformance/chat-copy.ts'
import type { ServerFrame } from '../../../protocol/frames.ts'
import type { Fault } from './fault.ts'
import { createGuests, type Guest, tokenOf } from './guests.ts'
import { openBeside } from './open-beside.ts'
import type { Scene } from './scene.ts'
import { until } from './until.ts'
import type { Voice } from './voice.ts'

/** Chats that have guests. */
const CHATS = 6
/** Milliseconds that an access token has to live. */
const SHORT_LIFE = 4_000
/** Milliseconds after which nothing may be heard: an expiry is looked at every second, a revocation is told. */
const GRACE = 5_000
const HEARD_WITHIN = 3_000

/** Lost rights: guests listen, and one after another may not any more. Nothing is heard after that: C9. */
export const lostRights: Fault = {
  id: 'F24',
  title: 'a token expires, a login is revoked, a participant is removed, while connected',
  async inject(scene) {
    const chatIds = scene.chatIds.slice(0, CHATS)
    const guests = await createGuests(scene.stage, 3 * chatIds.length)
    const ends = [expires, isRevoked, isRemoved]
    await Promise.all(
      guests.map((guest, place) => {
        const chatId = chatIds[place % chatIds.length] ?? ''
        const owner = scene.voices.find((voice) => voice.chatIds.includes(chatId))
        const end = ends[Math.floor(place / chatIds.length)] ?? expires
        return owner && end({ scene, guest, chatId, owner })
      }),
    )
  },
}

interface Part {
  readonly scene: Scene
  readonly guest: Guest
  readonly chatId: string
  /** Of the chat. */
  readonly owner: Voice
}

async function expires(part: Part): Promise<void> {
  await enterChat(part)
  const expiry = Date.now() + SHORT_LIFE
  const ear = await listen(part, SHORT_LIFE)
  await sleep(Math.max(0, expiry - Date.now()))
  await endsNow(part, ear, 'the token had expired')
}

async function isRevoked(part: Part): Promise<void> {
  await enterChat(part)
  const ear = await listen(part)
  const Authorization = `Bearer ${await tokenOf(part.scene.stage, part.guest)}`
  const other = part.scene.pickOwner().url
  const { status } = await fetch(new URL('/api/auth/logout', other), {
    method: 'POST',
    headers: { Authorization },
  })
  if (status !== 204) part.scene.wrong(`a logout was answered ${status}`)
  await endsNow(part, ear, 'the login had ended')
}

/** The connection stays: what it hears is for the checker to judge, by the number of the removal. */
async function isRemoved(part: Part): Promise<void> {
  const { scene, guest, chatId, owner } = part
  await enterChat(part)
  const ear = await listen(part)
  const path = `/api/chats/${chatId}/participants/${guest.userId}`
  const { status } = await owner.call('DELETE', path)
  if (status === 204 || status === 200) scene.struck()
  else scene.wrong(`a removal was answered ${status}`)
  await scene.pause(scene.left)
  ear.socket.terminate()
  scene.witnesses.push({
    ...{ clientId: `guest of ${chatId}`, userId: guest.userId, state: new Map() },
    seen: ear.copy.seen,
  })
}

async function enterChat({ scene, guest, chatId, owner }: Part): Promise<void> {
  const json = { userIds: [guest.userId] }
  const { status } = await owner.call('POST', `/api/chats/${chatId}/participants`, { json })
  if (status !== 200 && status !== 201) scene.wrong(`a guest was not added: ${status}`)
}

interface Ear {
  readonly socket: WebSocket
  readonly copy: ChatCopy
  readonly closed: Promise<unknown>
  /** When the last frame came, by `performance.now`. */
  readonly heardAt: () => number
}

/** Resolves when the guest has heard the chat. */
async function listen({ scene, guest, chatId, owner }: Part, life?: number): Promise<Ear> {
  const accessToken = await tokenOf(scene.stage, guest, life)
  const socket = await openBeside({ accessToken, url: owner.url })
  if (!socket) throw new Error('A guest was not let in')
  const copy = new ChatCopy(chatId, guest.userId)
  let heardAt = 0
  socket.on('message', (data) => {
    const frame: ServerFrame = JSON.parse(String(data))
    copy.take(frame)
    heardAt = performance.now()
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  if (!(await until(() => copy.seen.length > 0, HEARD_WITHIN))) scene.wrong('a guest heard nothing at all')
  return { socket, copy, closed, heardAt: () => heardAt }
}

/** From now on the guest may not hear anything: the socket is closed, and tells nothing once the grace is over. */
async function endsNow({ scene }: Part, { socket, closed, heardAt }: Ear, why: string): Promise<void> {
  const end = performance.now() + GRACE
  const isClosed = await Promise.race([closed.then(() => true), sleep(GRACE, false)])
  if (isClosed) scene.struck()
  else scene.wrong(`a connection was still open 5 s after ${why}`)
  await scene.pause(scene.left)
  socket.terminate()
  if (heardAt() > end) scene.violations.push({ rule: 'C9', message: `something was heard 5 s after ${why}` })
}
