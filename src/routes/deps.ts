import type { Context } from 'hono'
import type { Attachments } from '../attachments/attachments.ts'
import type { Auth } from '../auth/auth.ts'
import type { Config, Rate } from '../config.ts'
import type { Database } from '../db/connect.ts'
import type { Authenticated, Bucket, ChangesReader, PresenceStore, RateLimiter } from '../gateway/ports.ts'
import { refuse } from '../protocol/errors.ts'
import type { Health } from '../protocol/rest.ts'
import type { Clock, Ids, Principal, Publisher, RoomDirectory } from '../rooms/ports.ts'
import type { JobQueue } from '../workers/ports.ts'

/** Logger writes one JSON line per call. Never give it bodies, tokens or query strings. */
export interface Logger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Asset is a file that the reference pages load. */
export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>
  readonly contentType: string
}

/** AnsweredRequest is what may be measured of a request. `route` is the pattern of the route, never a path. */
export interface AnsweredRequest {
  readonly method: string
  readonly route: string
  readonly status: number
  readonly milliseconds: number
}

export interface MetricsPage {
  readonly contentType: string
  readonly text: string
}

/** AppDeps is all that the app needs from its host. */
export interface AppDeps {
  readonly config: Config
  /** What each bucket of `limiter` holds, for the RateLimit headers. */
  readonly rates: Readonly<Record<Bucket, Rate>>
  readonly logger: Logger
  readonly clock: Clock
  readonly ids: Ids
  readonly db: Database
  readonly auth: Auth
  readonly rooms: RoomDirectory
  readonly changes: ChangesReader
  readonly presence: PresenceStore
  readonly broadcast: Publisher
  readonly limiter: RateLimiter
  readonly jobs: JobQueue
  /** Left out where there is no store for files. */
  readonly attachments?: Attachments | undefined
  /** How the service is, asked at most once a second per caller; must not hang. */
  readonly health: () => Promise<Health>
  /** What the instance measures; left out where nothing is measured. */
  readonly metrics?: () => Promise<MetricsPage>
  /** Told of every request. */
  readonly onRequest?: (request: AnsweredRequest) => void
  /** A file of the reference pages by its name, from a fixed list. */
  readonly asset: (name: string) => Promise<Asset | undefined>
  /** The address of the other end of the network connection. */
  readonly remoteAddress: (context: Context) => string | null
  /** Lets the socket of this request in. */
  readonly upgrade: (context: Context, authenticated: Authenticated) => Response | Promise<Response>
}

/** AppEnv is what middleware leaves for handlers. */
export interface AppEnv {
  Variables: {
    requestId: string
    /** Of the client, seen through the proxies that are trusted. */
    ipAddress: string | null
    /** What counts as one client by its address; null where that is unknown. */
    network: string | null
    authenticated: Authenticated
    /** The bucket that a refusal for too many requests is about. */
    bucket: Bucket
  }
}

export type AppContext = Context<AppEnv>

/** attachmentsOf refuses whatever has to do with files where the deployment keeps none. */
export function attachmentsOf({ attachments }: AppDeps): Attachments {
  return attachments ?? refuse('NOT_FOUND', 'This deployment keeps no files: see S3_BUCKET and BLOBS_DIR')
}

/** principalOf is who sends this request; only behind `requireUser`. */
export function principalOf(context: AppContext): Principal {
  return context.get('authenticated').principal
}
