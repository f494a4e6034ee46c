import { v7 } from 'uuid'
import type { Random } from '../generator/words.ts'

/** createIds makes ids as instances and clients do, the same for the same seed. */
export function createIds(random: Random): () => string {
  const rng = () => Uint8Array.from({ length: 16 }, () => random() * 256)
  return () => v7({ rng, msecs: Date.UTC(2026, 0, 1) })
}
