import type { z } from 'zod'

/** json declares an answer. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } } as const
}

/** body declares what a request must bring. */
export function body<T extends z.ZodType>(schema: T) {
  return { required: true, content: { 'application/json': { schema } } } as const
}

/** nothing declares an answer without a body: 204. */
export const nothing = { description: 'Done' } as const

/** PUBLIC marks a route that needs no access token. */
export const PUBLIC: { security: [] } = { security: [] }
