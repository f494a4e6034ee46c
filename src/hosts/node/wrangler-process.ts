import { unstable_startWorker as startWorker } from 'wrangler'
import type { WranglerOptions } from './workerd.ts'

/**
 * The process that does what `wrangler dev` does, but without an inspector: that cannot be left out there, and takes a
 * fifth of the processor time. It is told its options, tells where it serves, and ends with whoever started it.
 */
process.once('message', (options: WranglerOptions) => void serve(options))

async function serve({ config, port, folder, settings }: WranglerOptions): Promise<void> {
  const worker = await startWorker({
    config,
    bindings: Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [name, { type: 'secret_text', value }]),
    ),
    dev: {
      server: { hostname: '127.0.0.1', port },
      persist: folder,
      inspector: false,
      watch: false,
    },
  })
  for (const event of ['SIGTERM', 'disconnect'] as const) {
    process.once(event, () => void worker.dispose().finally(() => process.exit()))
  }
  const { origin } = await worker.url
  // It is ready before the runtime is, and has whoever comes wait.
  await fetch(origin)
  process.send?.(origin)
}
