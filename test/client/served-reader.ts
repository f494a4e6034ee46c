import { ParleyError } from '../../src/client/error.ts'
import type { ChatReader } from '../../src/client/ports.ts'
import { GROUP, uuid } from '../support/builders.ts'
import type { ServedChat } from './served-chat.ts'

const GONE = new ParleyError('NOT_FOUND', 'No such chat')

/** ServedReader reads one served chat over what stands for REST, and notes what was read. */
export interface ServedReader extends ChatReader {
  readonly reads: string[]
  isListed: boolean
  /** Chats like the one of the server, with other ids. */
  copies: number
}

export function createServedReader(server: () => ServedChat, me: number): ServedReader {
  const reads: string[] = []
  return {
    reads,
    isListed: true,
    copies: 0,
    async listChats() {
      reads.push('list')
      const chat = this.isListed ? await server().chat(me) : undefined
      if (!chat) return []
      const ids = [GROUP, ...Array.from({ length: this.copies }, (_, index) => uuid(0xf0000 + index))]
      return ids.map((id) => ({ ...chat, id, participants: null }))
    },
    async getChat() {
      reads.push('chat')
      return (await server().chat(me)) ?? Promise.reject(GONE)
    },
    async getChanges(_, since) {
      reads.push(`changes ${since}`)
      return (await server().changes(me, since)) ?? Promise.reject(GONE)
    },
    async listMessages(_, before) {
      reads.push(`messages ${before}`)
      return (await server().older(me, before)) ?? Promise.reject(GONE)
    },
  }
}
