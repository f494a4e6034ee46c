import type { Authenticated } from '../../gateway/ports.ts'
import { type Call, takeCall, toCall } from './calls.ts'

/** The header by which an upgrade says who was verified. */
const AUTHENTICATED = 'X-Parley-Authenticated'

/** handOver is the upgrade that a gateway gets: what a client sent under the name of the header is replaced. */
export function handOver(upgrade: Request, authenticated: Authenticated): Request {
  const headers = new Headers(upgrade.headers)
  headers.set(AUTHENTICATED, encodeURIComponent(JSON.stringify(toCall({ authenticated }))))
  return new Request(upgrade, { headers })
}

/** takeOver reads who was verified. Only the app reaches a gateway. */
export function takeOver({ headers }: Request): Authenticated {
  const call: Call<{ authenticated: Authenticated }> = JSON.parse(
    decodeURIComponent(headers.get(AUTHENTICATED) ?? ''),
  )
  return takeCall(call).authenticated
}
