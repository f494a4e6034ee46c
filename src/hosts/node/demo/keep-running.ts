import { type Child, startChild } from '../child.ts'

export interface KeptEvents {
  /** It ended by itself, or somebody killed it. */
  ended(how: string): void
  /** It serves again. */
  back(pid: number): void
}

/** Kept is a service that is started again, on its port and folder, whenever it ends. */
export interface Kept {
  readonly url: string
  pid(): number
  /** Rejects when it does not start any more. */
  readonly failed: Promise<never>
  stop(): Promise<void>
}

/** keepRunning resolves when the service serves for the first time. */
export async function keepRunning(env: NodeJS.ProcessEnv, events: KeptEvents): Promise<Kept> {
  let child: Child = await startChild(env)
  let isOver = false
  const settings = { ...env, PORT: new URL(child.url).port }
  await child.ready
  const failed = keep()
  failed.catch(() => {})

  async function keep(): Promise<never> {
    for (;;) {
      const how = await child.ended
      if (isOver) return new Promise(() => {})
      events.ended(how)
      child = await startChild(settings)
      await child.ready
      events.back(child.pid)
    }
  }

  return {
    url: child.url,
    pid: () => child.pid,
    failed,
    async stop() {
      isOver = true
      await child.end('SIGTERM')
    },
  }
}
