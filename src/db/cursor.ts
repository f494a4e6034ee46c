import type { z } from 'zod'
import { refuse } from '../protocol/errors.ts'

/** toCursor makes the opaque text by which a client asks for the next page. */
export function toCursor(place: unknown): string {
  return btoa(JSON.stringify(place)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** fromCursor reads a cursor back; refuses what toCursor has not made. */
export function fromCursor<T extends z.ZodType>(cursor: string, place: T): z.infer<T> {
  const parsed = place.safeParse(parseJson(cursor))
  if (parsed.success) return parsed.data
  const message = 'Must be the nextCursor of a page of this list'
  return refuse('VALIDATION_ERROR', message, [{ field: 'cursor', message }])
}

function parseJson(cursor: string): unknown {
  try {
    return JSON.parse(atob(cursor.replaceAll('-', '+').replaceAll('_', '/')))
  } catch {
    return undefined
  }
}
