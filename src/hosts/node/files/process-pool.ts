import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A process that has nothing to do ends after this, in milliseconds. */
const IDLE = 30_000
/** What is kept of the standard error, to tell why a process ended. */
const OUTPUT_KEPT = 2_000

interface ProcessPoolOptions {
  /** Answers each message with one. */
  readonly program: URL
  readonly execArgv: readonly string[]
  readonly processes: number
  /** Tasks that may wait for a process. */
  readonly mostWaiting: number
  /** For one task, its wait included, in milliseconds. */
  readonly patience: number
}

/** ProcessPool gives each task to a process of its own, one at a time, in the order in which they came. */
export interface ProcessPool<T, R> {
  /** Rejects when too many wait, when it took too long, and when the process ended: it may have done anything. */
  run(task: T): Promise<R>
  /** Ends the processes with what they do. */
  close(): Promise<void>
}

interface Job<T, R> {
  readonly task: T
  readonly settle: (error: Error | undefined, answer?: R) => void
}

interface Worker<T, R> {
  readonly process: ChildProcess
  readonly ended: Promise<void>
  job: Job<T, R> | undefined
  idle: NodeJS.Timeout | undefined
  /** It was killed, and may still be there. */
  isEnding: boolean
}

/**
 * createProcessPool starts processes as tasks wait for them. It is not a library, as of those tried tinypool 2.2 ends
 * the whole service when several tasks that wait are given up, and workerpool 10.0 forgets those behind one that broke.
 */
export function createProcessPool<T extends object, R>(options: ProcessPoolOptions): ProcessPool<T, R> {
  const { program, execArgv, processes, mostWaiting, patience } = options
  const waiting: Job<T, R>[] = []
  const workers = new Set<Worker<T, R>>()

  function next(): void {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      const worker =
        [...workers].find(({ job, isEnding }) => !job && !isEnding) ??
        (workers.size < processes ? start() : undefined)
      if (!worker) return void waiting.unshift(job)
      clearTimeout(worker.idle)
      worker.job = job
      worker.process.send(job.task, (error) => error && end(worker))
    }
  }

  /** In the service's session, as priorities count within one; without its settings and secrets. */
  function start(): Worker<T, R> {
    const child = fork(fileURLToPath(program), {
      execArgv: [...execArgv],
      env: {},
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let output = ''
    child.stderr?.on('data', (chunk) => {
      output = `${output}${chunk}`.slice(-OUTPUT_KEPT)
    })
    const ended = new Promise<string>((resolve) => {
      child.once('error', ({ message }) => resolve(message))
      child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
    })
    const worker: Worker<T, R> = {
      process: child,
      job: undefined,
      idle: undefined,
      isEnding: false,
      ended: ended.then((how) => {
        workers.delete(worker)
        clearTimeout(worker.idle)
        worker.job?.settle(new Error(`The process ended (${how})\n${output}`.trim()))
        next()
      }),
    }
    child.on('message', (answer) => {
      if (worker.isEnding) return
      const { job } = worker
      worker.job = undefined
      worker.idle = setTimeout(() => end(worker), IDLE).unref()
      job?.settle(undefined, answer as R)
      next()
    })
    workers.add(worker)
    return worker
  }

  function end(worker: Worker<T, R>): Promise<void> {
    worker.isEnding = true
    worker.process.kill('SIGKILL')
    return worker.ended
  }

  function giveUp(job: Job<T, R>): void {
    const place = waiting.indexOf(job)
    if (place !== -1) waiting.splice(place, 1)
    for (const worker of workers) if (worker.job === job) void end(worker)
    job.settle(new Error(`Took longer than ${patience} ms`))
  }

  return {
    run(task) {
      if (waiting.length >= mostWaiting) return Promise.reject(new Error(`${mostWaiting} wait already`))
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => giveUp(job), patience)
        const job: Job<T, R> = {
          task,
          settle(error, answer) {
            clearTimeout(timer)
            if (error) reject(error)
            else resolve(answer as R)
          },
        }
        waiting.push(job)
        next()
      })
    },
    async close() {
      for (const job of waiting.splice(0)) job.settle(new Error('The pool is closed'))
      await Promise.all([...workers].map(end))
    },
  }
}
