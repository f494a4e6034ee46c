import type { Scene } from './scene.ts'

/** Fault is one row of the matrix. What it breaks it mends by its end, or leaves to `Stage.heal`. */
export interface Fault {
  readonly id: string
  readonly title: string
  /** It takes so long even where less is asked for. */
  readonly leastSeconds?: number
  /** Runs under load, until the scene is over. */
  readonly inject: (scene: Scene) => Promise<void>
}
