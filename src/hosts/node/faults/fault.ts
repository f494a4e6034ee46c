import type { Scene } from './scene.ts'
import type { Provider } from './servers/provider.ts'

/** Fault is one row of the matrix. What it breaks it mends by its end, or leaves to `Stage.heal`. */
export interface Fault {
  readonly id: string
  readonly title: string
  /** It takes so long even where less is asked for. */
  readonly leastSeconds?: number
  /** Its instances send pushes, to a provider of the run's own. */
  readonly hasPushes?: boolean
  /** Runs under load, until the scene is over. */
  readonly inject: (scene: Scene, provider: Provider | undefined) => Promise<void>
  /** Looks at what came of it once all is mended and nobody says more. Only with pushes. */
  readonly afterwards?: (scene: Scene, provider: Provider) => Promise<void>
}
