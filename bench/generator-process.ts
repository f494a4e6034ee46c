import { fork } from 'node:child_process'
import type { Plan } from './generator/load.ts'
import type { Calls } from './generator/main.ts'

/** Generator is the load generator in its own process; calls follow one another. */
export interface Generator {
  readonly pid: number
  call<K extends keyof Calls>(name: K, ...args: Parameters<Calls[K]>): Promise<Awaited<ReturnType<Calls[K]>>>
  stop(): void
}

/** startGenerator resolves when all clients of the plan are made. A call rejects when the process fails or ends. */
export async function startGenerator(plan: Plan): Promise<Generator> {
  const child = fork(new URL('./generator/main.ts', import.meta.url), { serialization: 'advanced' })
  let waiting = Promise.withResolvers<unknown>()
  child.on('message', ({ result, error }: { result?: unknown; error?: string }) => {
    if (error === undefined) waiting.resolve(result)
    else waiting.reject(new Error(error))
  })
  child.once('exit', () => waiting.reject(new Error('The load generator ended')))
  // What a call answers is as the generator's own types say: see `run` in generator/main.ts.
  const ask = <T>(message: object): Promise<T> => {
    waiting = Promise.withResolvers()
    child.send(message)
    return waiting.promise as Promise<T>
  }
  await ask({ plan })
  return {
    pid: child.pid ?? 0,
    call: (name, ...args) => ask({ name, args }),
    stop: () => void child.kill('SIGKILL'),
  }
}
