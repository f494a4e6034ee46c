import type { ChatState } from '../../../client/chat-state.ts'
import type { Client } from '../../../client/client.ts'

/** until resolves as soon as the client's copy of the chat is so. */
export function until(client: Client, chatId: string, isSo: (chat: ChatState) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      const chat = client.findChat(chatId)
      if (!chat || !isSo(chat)) return
      end()
      resolve()
    }
    const end = client.on('change', check)
    check()
  })
}

/** untilLive resolves as soon as the client is connected and has caught up. */
export function untilLive(client: Client): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (client.status.state !== 'live') return
      end()
      resolve()
    }
    const end = client.on('status', check)
    check()
  })
}
