import type { Scene } from './scene.ts'
import type { Bucket } from './servers/bucket.ts'
import type { Provider } from './servers/provider.ts'

/** Peers play what others run: a push provider and a file store. */
export interface Peers {
  readonly provider: Provider
  readonly bucket: Bucket
}

/** Fault is one row of the matrix. What it breaks it mends by its end, or leaves to `Stage.heal`. */
export interface Fault {
  readonly id: string
  readonly title: string
  /** It takes so long even where less is asked for. */
  readonly leastSeconds?: number
  /** Its instances send pushes, and keep files in S3, at peers of the run's own. */
  readonly hasPeers?: boolean
  /** Runs under load, until the scene is over. */
  readonly inject: (scene: Scene, peers: Peers | undefined) => Promise<void>
  /** Looks at what came of it once all is mended and nobody says more. */
  readonly afterwards?: (scene: Scene, peers: Peers | undefined) => Promise<void>
}
