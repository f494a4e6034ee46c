import type { GatewayObject } from './gateway-object.ts'
import type { RoomObject } from './room-object.ts'

/** Bindings is what `wrangler.toml` gives the code, beside the settings of `config.ts` as variables and secrets. */
export interface Bindings {
  readonly POSTGRES: Hyperdrive
  readonly ASSETS: Fetcher
  /** Tells that jobs are, or will be, due; left out where there are only the jobs of each minute. */
  readonly JOBS?: Queue<null>
  /** Keeps files, which IMAGES checks; without either of them the deployment has none. */
  readonly FILES?: R2Bucket
  readonly IMAGES?: ImagesBinding
  /** Count requests, and files shown, for all isolates of a place; without them each isolate counts for itself. */
  readonly REST_RATE?: RateLimit
  readonly FILE_RATE?: RateLimit
  readonly ROOMS: DurableObjectNamespace<RoomObject>
  readonly GATEWAYS: DurableObjectNamespace<GatewayObject>
}
