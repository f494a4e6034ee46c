import type { Piscina } from 'piscina'
import type { Config } from '../../config.ts'
import type { Sender } from '../../workers/ports.ts'
import type { SenderSettings } from '../../workers/sender.ts'

/** Deliveries under way in the thread: nearly all of their time is waiting for others. */
const AT_ONCE = 64
/** Milliseconds that a thread without work is kept. */
const IDLE = 60_000

export interface SendPool {
  readonly send: Sender
  close(): Promise<void>
}

/** createSendPool sends from a thread of its own, so that no handshake or encryption is in the way of a chat. */
export function createSendPool(config: Config): SendPool {
  let pool: Promise<Piscina> | undefined

  async function open(): Promise<Piscina> {
    const { Piscina } = await import('piscina')
    return new Piscina({
      filename: new URL('./send-thread.ts', import.meta.url).href,
      workerData: toSettings(config),
      minThreads: 0,
      maxThreads: 1,
      concurrentTasksPerWorker: AT_ONCE,
      idleTimeout: IDLE,
      // A thread that sleeps does not hear that a kept connection was closed, and sends its next push into it.
      atomics: 'disabled',
    })
  }

  return {
    async send(delivery) {
      try {
        pool ??= open()
        return await (await pool).run(delivery)
      } catch (error) {
        return { status: 'failed', error: `The sender ended: ${error}`, retryIn: null }
      }
    },
    close: async () => (await pool)?.destroy(),
  }
}

function toSettings({
  ONESIGNAL_APP_ID,
  ONESIGNAL_API_KEY,
  ONESIGNAL_URL,
  VAPID_PUBLIC_KEY,
  VAPID_PRIVATE_KEY,
  VAPID_SUBJECT,
  WEBHOOK_SECRET,
  PRIVATE_ADDRESSES,
}: Config): SenderSettings {
  return {
    ...{ ONESIGNAL_APP_ID, ONESIGNAL_API_KEY, ONESIGNAL_URL, WEBHOOK_SECRET, PRIVATE_ADDRESSES },
    ...{ VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY, VAPID_SUBJECT },
  }
}
