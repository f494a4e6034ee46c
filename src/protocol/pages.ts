import { z } from 'zod'
import { LIMITS } from './limits.ts'

/** A page of a list. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({
    data: z.array(item),
    nextCursor: z.string().nullable().describe('Opaque; give it as `cursor` for the next page'),
    hasMore: z.boolean(),
  })
}

/** A whole number as a query string spells it: digits and nothing else. */
export function digits<T extends z.ZodType>(number: T) {
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
    number,
  )
}

export const Limit = digits(
  z
    .int('Must be a whole number')
    .min(1, 'Must be at least 1')
    .max(LIMITS.pageMost, `Must be at most ${LIMITS.pageMost}`)
    .default(LIMITS.pageDefault),
)
export const Cursor = z.string().max(200)
