import { fork } from 'node:child_process'
import type { Sample, Upload } from './uploader/main.ts'

/** Uploader is those who upload, in a process of their own. */
export interface Uploader {
  /** Answers the milliseconds that it took; rejects when it was refused. */
  send(upload: Upload): Promise<number>
  stop(): void
}

type Answer = { readonly id: number; readonly milliseconds?: number; readonly error?: string }

export function startUploader(samples: readonly Sample[]): Uploader {
  const child = fork(new URL('./uploader/main.ts', import.meta.url), { serialization: 'advanced' })
  const waiting: PromiseWithResolvers<number>[] = []
  child.on('message', ({ id, milliseconds, error }: Answer) => {
    if (milliseconds === undefined) waiting[id]?.reject(new Error(error))
    else waiting[id]?.resolve(milliseconds)
  })
  child.once('exit', () => {
    for (const { reject } of waiting) reject(new Error('The uploader ended'))
  })
  child.send(samples)
  return {
    send(upload) {
      const answer = Promise.withResolvers<number>()
      child.send({ id: waiting.push(answer) - 1, upload })
      return answer.promise
    },
    stop: () => void child.kill('SIGKILL'),
  }
}
