import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Plan } from './generator/load.ts'
import type { Calls } from './generator/main.ts'

/** Generator is the load generator in its own process; calls follow one another. */
export interface Generator {
  readonly pid: number
  call<K extends keyof Calls>(name: K, ...args: Parameters<Calls[K]>): Promise<Awaited<ReturnType<Calls[K]>>>
  stop(): void
}

export async function startGenerator(plan: Plan): Promise<Generator> {
  const child = fork(new URL('./generator/main.ts', import.meta.url), { serialization: 'advanced' })
  const ask = async (message: object) => {
    child.send(message)
    const [answer] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => [{ error: 'The generator ended' }]),
    ])
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.result
  }
  await ask({ plan })
  return {
    pid: child.pid ?? 0,
    call: (name, ...args) => ask({ name, args }),
    stop: () => child.kill('SIGKILL'),
  }
}
