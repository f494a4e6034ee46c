import type { Config } from '../config.ts'
import type { Database } from '../db/connect.ts'
import { createPushStore } from '../db/queries/push.ts'
import type { PresenceStore } from '../gateway/ports.ts'
import type { RoomStore } from '../rooms/ports.ts'
import { pushVias } from './outbox.ts'
import type { JobHandlers, PushTokens, Sender } from './ports.ts'
import { createPush } from './push.ts'
import { createWebhooks } from './webhooks.ts'

export interface HandlerDeps {
  readonly config: Config
  readonly db: Database
  readonly store: Pick<RoomStore, 'load' | 'read'>
  readonly presence: PresenceStore
  readonly send: Sender
  readonly pushTokens?: PushTokens | undefined
}

/** createHandlers is all background work that this service is set up for. */
export function createHandlers(deps: HandlerDeps): JobHandlers {
  const { config } = deps
  return {
    ...(pushVias(config).length > 0 && createPush({ ...deps, pushes: createPushStore(deps.db) })),
    ...(config.WEBHOOK_URLS.length > 0 && { webhook: createWebhooks(deps) }),
  }
}
