import type { Clock } from '../../../rooms/ports.ts'
import type { PubSub } from './pubsub.ts'

/** Milliseconds between two probes. */
const EVERY = 250
/** So many probes without an echo are silence: it shows 0.5 to 0.75 s after the last thing that came. */
const UNANSWERED = 2

export interface ProbePorts {
  readonly self: string
  readonly pubsub: PubSub
  readonly clock: Clock
  /** Runs after every silent probe: nothing of what is published arrives here. */
  readonly onSilence: () => void
  readonly onEcho: () => void
}

/**
 * startProbe publishes to itself and listens, as a link that looks well may carry nothing. Probes are counted, not
 * time: whoever was frozen has missed no echo, it is still to be read. The result stops it.
 */
export function startProbe({ self, pubsub, clock, onSilence, onEcho }: ProbePorts): () => void {
  const channel = `probe:${self}`
  let unanswered = 0
  let cancel = () => {}
  let isStopped = false
  const subscribed = pubsub.subscribe(channel, () => {
    unanswered = 0
    onEcho()
  })
  void subscribed.then(probe)

  function probe(): void {
    if (isStopped) return
    cancel = clock.after(EVERY, probe)
    if (unanswered >= UNANSWERED) onSilence()
    unanswered += 1
    pubsub.publish(channel, '')
  }

  return () => {
    isStopped = true
    cancel()
    void subscribed.then((unsubscribe) => unsubscribe())
  }
}
