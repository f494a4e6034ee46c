import type { Chat, ChatInfo } from '../protocol/model.ts'
import type { AgentDesk, Availability, ListedSession, NewSession, SessionHeir } from '../protocol/sessions.ts'
import type { Rest } from './rest.ts'

/** SessionMethods is what customers and professionals do with sessions, besides talking in them as in any chat. */
export interface SessionMethods {
  /** With the same `externalId`, a retry opens no second one. */
  openSession(session: NewSession): Promise<Chat>
  /** Takes a session from the queue, and resolves when it is among the chats. Rejects as `CONFLICT` where another has it. */
  acceptSession(chatId: string): Promise<Chat>
  /** To another professional, or to a team's queue; the session leaves one's chats. */
  transferSession(chatId: string, to: SessionHeir): Promise<ChatInfo>
  releaseSession(chatId: string): Promise<ChatInfo>
  closeSession(chatId: string, reason?: string): Promise<ChatInfo>
  reopenSession(chatId: string): Promise<ChatInfo>
  /** The session's internal notes: a chat like others, of its staff alone. */
  openNotes(chatId: string): Promise<Chat>
  /** What waits for this agent, the longest first: the first 100. The event `queue` tells what changes. */
  listQueue(): Promise<readonly ListedSession[]>
  /** Whether this agent is told of what waits, and may be transferred to. */
  setAvailability(availability: Availability): Promise<AgentDesk>
}

export function createSessions({ api }: Rest, keep: (chat: Chat) => Chat): SessionMethods {
  const of = (chatId: string) => ({ param: { id: chatId } })
  const session = api.sessions[':id']

  async function read(chatId: string): Promise<Chat> {
    return keep((await (await api.chats[':id'].$get(of(chatId))).json()).chat)
  }

  return {
    async openSession(json) {
      const { chat } = await (await api.sessions.$post({ header: {}, json })).json()
      return read(chat.id)
    },
    async acceptSession(chatId) {
      await session.accept.$post(of(chatId))
      return read(chatId)
    },
    async transferSession(chatId, json) {
      return (await (await session.transfer.$post({ ...of(chatId), json })).json()).chat
    },
    async releaseSession(chatId) {
      return (await (await session.release.$post(of(chatId))).json()).chat
    },
    async closeSession(chatId, reason) {
      return (await (await session.close.$post({ ...of(chatId), json: { reason } })).json()).chat
    },
    async reopenSession(chatId) {
      return (await (await session.reopen.$post(of(chatId))).json()).chat
    },
    async openNotes(chatId) {
      const { chat } = await (await session.notes.$post(of(chatId))).json()
      return read(chat.id)
    },
    async listQueue() {
      return (await (await api.sessions.$get({ query: { status: 'waiting', limit: '100' } })).json()).data
    },
    async setAvailability(availability) {
      return (await (await api.agents.me.$put({ json: { availability } })).json()).agent
    },
  }
}
