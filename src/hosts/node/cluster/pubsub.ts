/**
 * PubSub carries text between instances.
 * Ordering: per channel and publisher. Delivery: at most once, and not at all while the link is down.
 * Failure: `publish` never throws or waits, and nobody who hears is no failure; `subscribe` resolves at once while the link is down, and the channel is
 * heard as soon as it is up again.
 */
export interface PubSub {
  /** `onUnheard` runs when it is certain that nobody was listening. */
  publish(channel: string, text: string, onUnheard?: () => void): void
  /** Resolves when everything published from now on is heard; the result ends it. */
  subscribe(channel: string, listener: (text: string) => void): Promise<() => void>
  /** Whether the link is known to be down. Up, it may still be deaf. */
  readonly isDown: boolean
  /**
   * Channels of this name, one for each connection by which this instance hears, as they are now: each can fall silent
   * by itself. Left out where there is one connection for all.
   */
  channelsOfEach?(name: string): readonly string[]
  /** Makes the link anew: it looks well and nothing comes. */
  reconnect(): void
}
