import { type Config, ConfigError, parseConfig } from '../../config.ts'
import type { Bindings } from './bindings.ts'

/** The settings, with the secrets that every isolate has to share. */
export type EdgeConfig = Config & { readonly JWT_SECRET: string; readonly JWT_REFRESH_SECRET: string }

let read: EdgeConfig | undefined

/**
 * settings reads variables and secrets, once an isolate. Throws a ConfigError: the secrets have to be given, as there
 * is no folder to keep one's own in.
 */
export function settings(bindings: Bindings): EdgeConfig {
  read ??= parse(bindings)
  return read
}

function parse(bindings: Bindings): EdgeConfig {
  const texts = Object.entries(bindings).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  const config = parseConfig(Object.fromEntries(texts))
  const { JWT_SECRET, JWT_REFRESH_SECRET } = config
  if (JWT_SECRET === undefined || JWT_REFRESH_SECRET === undefined) {
    throw new ConfigError('JWT_SECRET and JWT_REFRESH_SECRET must be set, by `wrangler secret put`')
  }
  if (config.MYSQL_HOST !== undefined) {
    throw new ConfigError('MYSQL_HOST is of no use on Cloudflare: let DIRECTORY_URL answer for it')
  }
  if (config.CLAMAV_HOST !== undefined) {
    throw new ConfigError('CLAMAV_HOST is of no use on Cloudflare: no file is scanned for viruses there')
  }
  return { ...config, JWT_SECRET, JWT_REFRESH_SECRET }
}
