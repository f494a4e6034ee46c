import type { Clock } from '../../rooms/ports.ts'

/**
 * createLull looks once in every so many milliseconds while something happens, and tells whether nothing has happened
 * since the last look. It ends with the lull that `look` takes by answering true. The result says that something happens.
 */
export function createLull(
  clock: Clock,
  milliseconds: number,
  look: (isLull: boolean) => boolean,
): () => void {
  let usedAt = 0
  let isLooking = false

  function wait(): void {
    clock.after(milliseconds, () => {
      isLooking = !look(clock.now() - usedAt >= milliseconds)
      if (isLooking) wait()
    })
  }

  return () => {
    usedAt = clock.now()
    if (isLooking) return
    isLooking = true
    wait()
  }
}
