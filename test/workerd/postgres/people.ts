import { exports } from 'cloudflare:workers'
import { expect, inject } from 'vitest'
import { PONG } from '../../../src/protocol/version.ts'
import type {} from '../../support/workerd-setup.ts'

const PASSWORD = 'Tea-at-4!'
const service = (exports as unknown as { default: Fetcher }).default

export interface Person {
  readonly id: string
  readonly token: string
}

interface Message {
  readonly seq: number
  readonly content: string
}

interface Frame {
  readonly type: string
  readonly id?: string
  readonly data: {
    readonly seq?: number
    readonly message?: Message
    readonly messages?: readonly Message[]
    readonly chats?: Readonly<Record<string, number>>
  }
}

export interface Connected {
  readonly socket: WebSocket
  readonly frames: readonly Frame[]
}

export async function register(username: string): Promise<Person> {
  const body = { username, password: PASSWORD, passwordConfirm: PASSWORD }
  const { user, accessToken } = await ask('/api/auth/register', body)
  return { id: user.id, token: accessToken }
}

export async function ask(path: string, body: object, token?: string) {
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }
  const answer = await service.fetch(`https://chat.example${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  expect(answer.ok, text).toBe(true)
  return JSON.parse(text)
}

/** Resolves once the service has said hello. */
export async function connect({ token }: Person): Promise<Connected> {
  const headers = { Upgrade: 'websocket', Authorization: `Bearer ${token}` }
  const { webSocket } = await service.fetch('https://chat.example/ws', { headers })
  if (!webSocket) throw new Error('The upgrade was refused')
  const frames: Frame[] = []
  const hello = new Promise<void>((resolve) => {
    webSocket.addEventListener('message', ({ data }) => {
      if (data !== PONG) frames.push(JSON.parse(String(data)))
      resolve()
    })
  })
  webSocket.accept()
  await hello
  return { socket: webSocket, frames }
}

/** Breaks the database, or looks at it, past the service. */
export async function control(path: string, body = ''): Promise<unknown[]> {
  const answer = await fetch(inject('controlUrl') + path, { method: 'POST', body })
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return JSON.parse(text)
}
