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
  /** Runs after every silent probe: something of what is published does not arrive here. */
  readonly onSilence: () => void
  /** Runs after every echo while none is missed. */
  readonly onEcho: () => void
}

/** Probe is what goes by one of the connections by which this instance hears. */
interface Probe {
  unanswered: number
  /** Ends it, once it is subscribed to. */
  end: (() => void) | undefined
}

/**
 * startProbe publishes to itself and listens, by each connection that hears, as a link that looks well may carry
 * nothing. Probes are counted, not time: whoever was frozen has missed no echo, it is still to be read. The result
 * stops it.
 */
export function startProbe({ self, pubsub, clock, onSilence, onEcho }: ProbePorts): () => void {
  const name = `probe:${self}`
  const probes = new Map<string, Probe>()
  let cancel = () => {}
  look()

  function look(): void {
    cancel = clock.after(EVERY, look)
    const channels = pubsub.channelsOfEach?.(name) ?? [name]
    for (const channel of probes.keys()) if (!channels.includes(channel)) remove(channel)
    if (isSilent()) onSilence()
    for (const [channel, probe] of probes) ask(channel, probe)
    for (const channel of channels) if (!probes.has(channel)) add(channel)
  }

  function isSilent(): boolean {
    return [...probes.values()].some(({ unanswered }) => unanswered >= UNANSWERED)
  }

  function ask(channel: string, probe: Probe): void {
    if (!probe.end) return
    probe.unanswered += 1
    pubsub.publish(channel, '')
  }

  function add(channel: string): void {
    const probe: Probe = { unanswered: 0, end: undefined }
    probes.set(channel, probe)
    const subscribed = pubsub.subscribe(channel, () => {
      probe.unanswered = 0
      if (!isSilent()) onEcho()
    })
    void subscribed.then((end) => {
      probe.end = end
      if (probes.get(channel) === probe) ask(channel, probe)
      else end()
    })
  }

  function remove(channel: string): void {
    probes.get(channel)?.end?.()
    probes.delete(channel)
  }

  return () => {
    cancel()
    for (const channel of probes.keys()) remove(channel)
  }
}
