import { z } from 'zod'

/** bounded counts an object's keys before the schema looks at each: what is refused for its size costs nearly nothing. */
export function bounded<T extends z.ZodType>(schema: T, most: number, message: string) {
  return z.preprocess((value, context) => {
    if (typeof value !== 'object' || value === null || Object.keys(value).length <= most) return value
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  }, schema)
}
