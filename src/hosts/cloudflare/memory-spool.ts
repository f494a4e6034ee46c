import type { Incoming, Spool, SpooledFile } from '../../attachments/ports.ts'
import { RefusalError } from '../../protocol/errors.ts'
import type { Clock } from '../../rooms/ports.ts'

/** Bytes that may be on their way at once in one isolate, which has 128 MB for everything. */
const MOST_HELD = 50_331_648
/** Milliseconds after which a file that nobody has removed is taken for gone: its request was cut off. */
const LEASE = 120_000

/** MemoryFile is a spooled file in the memory of the isolate. */
export class MemoryFile implements SpooledFile {
  readonly content: Blob
  readonly #free: () => void

  constructor(content: Blob, free = () => {}) {
    this.content = content
    this.#free = free
  }

  get bytes(): number {
    return this.content.size
  }

  stream(): ReadableStream<Uint8Array> {
    return this.content.stream()
  }

  async remove(): Promise<void> {
    this.#free()
  }
}

/** createMemorySpool keeps what arrives in memory: here is no disk. Beyond its bound it refuses as retryable. */
export function createMemorySpool(clock: Clock): Spool {
  const held = new Map<Incoming, { bytes: number; readonly until: number }>()

  function takeUp(incoming: Incoming, bytes: number): void {
    const now = clock.now()
    let all = bytes
    for (const [other, { until, bytes: its }] of held) {
      if (until < now) held.delete(other)
      else all += its
    }
    const own = held.get(incoming)
    if (!own || all > MOST_HELD) {
      const message = 'Too many files are on their way: try again'
      throw new RefusalError({ code: 'SERVICE_UNAVAILABLE', message, retryAfter: 5 })
    }
    own.bytes += bytes
  }

  return {
    async open() {
      const pieces: Uint8Array<ArrayBuffer>[] = []
      const incoming: Incoming = {
        async write(piece) {
          takeUp(incoming, piece.length)
          pieces.push(new Uint8Array(piece))
        },
        finish: async () => new MemoryFile(new Blob(pieces), () => held.delete(incoming)),
        async abort() {
          held.delete(incoming)
        },
      }
      held.set(incoming, { bytes: 0, until: clock.now() + LEASE })
      return incoming
    },
  }
}
