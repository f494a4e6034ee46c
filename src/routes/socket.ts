import { Hono } from 'hono'
import type { Authenticated } from '../gateway/ports.ts'
import { refuse } from '../protocol/errors.ts'
import { SUBPROTOCOL } from '../protocol/version.ts'
import type { AppContext, AppDeps, AppEnv } from './deps.ts'
import { bearerOf } from './guards.ts'
import { isTrustedOrigin } from './origin.ts'

const BEARER = 'bearer.'

/**
 * socketRoutes lets sockets in: by header, by the subprotocol pair of browsers, or by a ticket. Browsers send any
 * page's upgrade without asking, so without a bearer header the page's origin has to be one that is trusted.
 */
export function socketRoutes(deps: AppDeps) {
  return new Hono<AppEnv>().get('/', async (context) => {
    if (context.req.header('Upgrade')?.toLowerCase() !== 'websocket') {
      refuse('VALIDATION_ERROR', 'Open a WebSocket here: this is no place for an ordinary request')
    }
    const offered = subprotocolsOf(context)
    if (offered.length > 0 && !offered.includes(SUBPROTOCOL)) {
      refuse('VALIDATION_ERROR', `This server speaks ${SUBPROTOCOL}`)
    }
    return deps.upgrade(context, await authenticate(deps, context, offered))
  })
}

async function authenticate(
  { auth, config }: AppDeps,
  context: AppContext,
  offered: readonly string[],
): Promise<Authenticated> {
  const bearer = bearerOf(context)
  if (bearer !== undefined) return auth.verify(bearer)
  if (!isTrustedOrigin(context, config)) refuse('FORBIDDEN', 'This origin may not open sockets here')
  const token = offered.find((it) => it.startsWith(BEARER))?.slice(BEARER.length)
  if (token !== undefined) return auth.verify(token)
  const ticket = context.req.query('ticket')
  if (ticket !== undefined) return auth.redeemTicket(ticket)
  return refuse(
    'UNAUTHORIZED',
    `Send Authorization: Bearer, the subprotocols "${SUBPROTOCOL}, bearer.<token>", or ?ticket=`,
  )
}

function subprotocolsOf(context: AppContext): string[] {
  const header = context.req.header('Sec-WebSocket-Protocol')
  return header === undefined ? [] : header.split(',').map((it) => it.trim())
}
