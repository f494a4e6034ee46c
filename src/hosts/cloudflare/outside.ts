import { createHttpDirectory } from '../../auth/http-directory.ts'
import type { OutsidePorts } from '../../auth/identities.ts'
import { NO_KEY_STORE } from '../../auth/issuer-keys.ts'
import { type RenamePorts, tellRenamed } from '../../auth/tell-renamed.ts'
import type { Config } from '../../config.ts'
import { issuersOf } from '../../settings/issuers.ts'
import type { EdgeConfig } from './settings.ts'

export interface EdgeOutsidePorts extends RenamePorts {
  readonly config: EdgeConfig
  readonly waitUntil: (work: Promise<unknown>) => void
  readonly onFault: (fault: { readonly error: unknown }) => void
}

/** createOutside is what users of other issuers need here; each isolate fetches an issuer's keys for itself. */
export function createOutside({
  config,
  waitUntil,
  onFault,
  ...rename
}: EdgeOutsidePorts): Omit<OutsidePorts, 'remember'> {
  return {
    issuers: issuersOf(config),
    keys: NO_KEY_STORE,
    // What one request has begun, no other may wait for.
    directory: openDirectory(config, { isShared: false }),
    onRenamed: (userId) => tellRenamed(userId, rename),
    keepAlive: waitUntil,
    onFault: (error) => onFault({ error }),
  }
}

/** openDirectory is the endpoint that knows names, and devices of an older system, if there is one. */
export function openDirectory(config: Config, { isShared }: { readonly isShared: boolean }) {
  const { DIRECTORY_URL: url, DIRECTORY_TOKEN: token, DIRECTORY_PUSH_ISSUERS: pushIssuers } = config
  return url === undefined || token === undefined
    ? undefined
    : createHttpDirectory({ url, token, pushIssuers, isShared })
}
