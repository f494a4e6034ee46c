import type { ResumeRecord } from '../../../conformance/history.ts'
import type { ServerFrame } from '../../../protocol/frames.ts'

/** Resumes writes down what one client is told whenever it asks what it missed. Times are those of `performance.now`. */
export class Resumes {
  readonly records: ResumeRecord[] = []
  /** When each sync was asked for that has no answer yet, by the id of its frame. */
  readonly #asked = new Map<string, number>()

  /** A frame that the client sends. */
  ask(text: string): void {
    if (!text.startsWith('{"type":"sync"')) return
    const { id }: { id: string } = JSON.parse(text)
    this.#asked.set(id, performance.now())
  }

  /** A frame that comes to it. */
  hear(frame: ServerFrame): void {
    if (frame.type !== 'ack' && frame.type !== 'error') return
    const invokedAt = this.#asked.get(frame.id ?? '')
    if (invokedAt === undefined) return
    this.#asked.delete(frame.id ?? '')
    if (frame.type === 'ack' && 'chats' in frame.data)
      this.records.push({ invokedAt, heads: frame.data.chats })
  }
}
