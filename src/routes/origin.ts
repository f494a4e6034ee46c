import type { Config } from '../config.ts'
import type { AppContext } from './deps.ts'

/**
 * isTrustedOrigin tells whether a page may make the browser send this request with what the browser keeps: the
 * service's own pages and those of the allow-list. Who sends no Origin is no browser.
 */
export function isTrustedOrigin(context: AppContext, { CORS_ORIGINS }: Config): boolean {
  const origin = context.req.header('Origin')
  if (origin === undefined || CORS_ORIGINS.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === context.req.header('Host')
}
