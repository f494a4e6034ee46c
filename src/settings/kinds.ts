import { z } from 'zod'

/** The places a setting is listed under in `.env.example`. */
export const SECTIONS = [
  'Server',
  'Storage',
  'Accounts',
  'Issuers',
  'Directory',
  'Access',
  'Chats',
  'Push',
  'Webhooks',
  'Jobs',
  'Limits',
] as const

/** setting says where a setting is listed, and what it is for. */
export function setting(section: (typeof SECTIONS)[number], description: string) {
  return { section, description }
}

export const text = z.string().trim()

export const whole = (least: number, most: number) =>
  z.coerce
    .number({ error: 'must be a number' })
    .int('must be a whole number')
    .min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`)

export const secret = text.min(
  32,
  'must be at least 32 characters; `openssl rand -base64 48` makes a good one',
)

/** commaSeparated is a list of words, none of them empty. */
export const commaSeparated = text.transform((list) => list.split(',').flatMap((word) => word.trim() || []))

/** jsonOf is a setting that is JSON of this schema. */
export function jsonOf<T extends z.ZodType>(schema: T) {
  return text
    .transform((json, context): unknown => {
      try {
        return JSON.parse(json)
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON' })
        return z.NEVER
      }
    })
    .pipe(schema)
}

/** ConfigError says in one line per setting what is wrong and what would be right. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** toConfigError names every wrong setting, and the place in one that is JSON. It prints no value: it may be a secret. */
export function toConfigError({ issues }: z.core.$ZodError): ConfigError {
  const lines = issues.map(({ path: [name, ...inner], message }) => {
    const place = inner.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
    return `${String(name)}${place} ${message}`
  })
  return new ConfigError(lines.join('\n'))
}
