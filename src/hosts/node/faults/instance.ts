import { type Child, startChild } from '../child.ts'
import type { BadNetwork } from './bad-network.ts'
import { limitFiles } from './limit-files.ts'

export interface InstanceOptions {
  readonly env: NodeJS.ProcessEnv
  /** Between this instance alone and what it needs. */
  readonly toRedis: BadNetwork
  readonly toPostgres: BadNetwork
  /** It ended and nobody had ended it. */
  readonly onUnplanned: (how: string) => void
}

/** FaultyInstance is one process of the service that can be killed, frozen, and started again on its port. */
export class FaultyInstance {
  readonly toRedis: BadNetwork
  readonly toPostgres: BadNetwork
  readonly #env: NodeJS.ProcessEnv
  readonly #onUnplanned: (how: string) => void
  #child: Child | undefined
  #isEnding = false
  #isFrozen = false
  /** By which the others know it. */
  clusterId: string | undefined

  constructor({ env, toRedis, toPostgres, onUnplanned }: InstanceOptions) {
    this.#env = { ...env }
    this.toRedis = toRedis
    this.toPostgres = toPostgres
    this.#onUnplanned = onUnplanned
  }

  get isUp(): boolean {
    return this.#child !== undefined
  }

  /** 0 before its first start. */
  get port(): number {
    return Number(this.#env.PORT)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** `preload` is a module that its process runs before all others. */
  async start(preload?: URL): Promise<void> {
    this.#isEnding = false
    this.clusterId = undefined
    const { NODE_OPTIONS = '' } = this.#env
    const options = preload ? `${NODE_OPTIONS} --import=${preload}` : NODE_OPTIONS
    const child = await startChild({ ...this.#env, NODE_OPTIONS: options })
    void child.ended.then((how) => {
      if (!this.#isEnding) this.#onUnplanned(how)
      if (this.#child === child) this.#child = undefined
    })
    this.#env.PORT = new URL(child.url).port
    await child.ready
    this.#child = child
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#isEnding = true
    const child = this.#child
    this.#child = undefined
    if (this.#isFrozen && signal === 'SIGTERM') this.thaw()
    await child?.end(signal)
    this.#isFrozen = false
  }

  /** What it writes beyond so many bytes of a file fails, as on a disk without room. Until its next start. */
  limitFiles(bytes: number | 'unlimited'): void {
    if (this.#child) limitFiles(this.#child.pid, bytes)
  }

  freeze(): void {
    if (!this.#child) return
    this.#isFrozen = true
    process.kill(this.#child.pid, 'SIGSTOP')
  }

  thaw(): void {
    if (!this.#isFrozen || !this.#child) return
    this.#isFrozen = false
    process.kill(this.#child.pid, 'SIGCONT')
  }
}
