import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../../conformance/random.ts'
import type { Voice } from './voice.ts'

/** Milliseconds between an ack and the next send of the same voice. */
const PAUSE_LEAST = 50
const PAUSE_SPREAD = 100
/** How often a voice reads what it has, instead of only receiving it. */
const READS = 0.1

/** Load is all voices speaking in a closed loop: a pause, a message, its ack. */
export interface Load {
  /** No more sends; resolves when those on their way are settled, or after so many milliseconds. */
  stop(within: number): Promise<void>
}

export function startLoad(voices: readonly Voice[], random: Random): Load {
  let isOver = false

  async function speak(voice: Voice): Promise<void> {
    while (!isOver) {
      await sleep(PAUSE_LEAST + random.below(PAUSE_SPREAD))
      const chatId = voice.chatIds[random.below(voice.chatIds.length)]
      if (isOver || chatId === undefined) return
      if (random.chance(READS)) voice.client.markRead(chatId)
      await voice.say(chatId)
    }
  }

  const done = Promise.all(voices.map(speak))
  return {
    async stop(within) {
      isOver = true
      const patience = new AbortController()
      await Promise.race([done, sleep(within, undefined, { signal: patience.signal }).catch(() => {})])
      patience.abort()
    },
  }
}
