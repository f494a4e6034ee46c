import { TIMES } from '../protocol/limits.ts'
import type { Clock } from './ports.ts'

export interface TypingPorts {
  readonly clock: Clock
  readonly tell: (type: 'typing:start' | 'typing:stop', data: { chatId: string }) => void
}

/** Typing says that this user types: on a key, again every 3 s while keys come, and that it is over 3 s after the last. */
export interface Typing {
  /** A key was pressed. */
  pressed(chatId: string): void
  stopped(chatId: string): void
  /** A message went out: the server knows that the typing is over. */
  sent(chatId: string): void
}

interface Spell {
  readonly toldAt: number
  readonly cancelIdle: () => void
}

export function createTyping({ clock, tell }: TypingPorts): Typing {
  const spells = new Map<string, Spell>()

  function stopped(chatId: string): void {
    if (!spells.has(chatId)) return
    sent(chatId)
    tell('typing:stop', { chatId })
  }

  function sent(chatId: string): void {
    spells.get(chatId)?.cancelIdle()
    spells.delete(chatId)
  }

  return {
    stopped,
    sent,
    pressed(chatId) {
      const now = clock.now()
      const spell = spells.get(chatId)
      spell?.cancelIdle()
      const isDue = !spell || now - spell.toldAt >= TIMES.typingIdle
      if (isDue) tell('typing:start', { chatId })
      spells.set(chatId, {
        toldAt: isDue ? now : spell.toldAt,
        cancelIdle: clock.after(TIMES.typingIdle, () => stopped(chatId)),
      })
    },
  }
}
