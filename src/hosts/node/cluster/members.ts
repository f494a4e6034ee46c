import type { Clock } from '../../../rooms/ports.ts'
import { startProbe } from './probe.ts'
import type { PubSub } from './pubsub.ts'
import { createRing, type Ring } from './ring.ts'

/** Milliseconds between two heartbeats of an instance. */
const BEAT = 1_000
/** An instance that was not heard for this long is gone. */
const GONE = 4_000
/** Whoever has not heard even itself for this long cannot tell who is gone: what was sent is still to be read. */
const FROZEN = 2_500
const CHANNEL = 'instances'

export interface MembersPorts {
  readonly self: string
  readonly pubsub: PubSub
  readonly clock: Clock
  /** An instance is there no longer: it left, or went silent. */
  readonly onGone: (instanceId: string) => void
}

/**
 * Members is which instances are there, as this one hears it. Everybody's heartbeats go over the bus, and no clock
 * but one's own is read, so that there is nothing to flush and clocks may differ. It decides where commands go and
 * whose presence counts, never what may be written.
 */
export interface Members {
  readonly self: string
  /** Those that take commands, this instance included while it does. While it is deaf it knows itself alone. */
  readonly taking: Ring
  /** Whether an instance is known to be there, if only to drain. */
  isThere(instanceId: string): boolean
  /** Nobody listens under this name: it gets no commands until it is heard again. */
  doubt(instanceId: string): void
  /** Whether what others publish arrives here. */
  readonly isDeaf: boolean
  /** Takes no commands from now on, and says so; the connections here stay. */
  leave(): void
  /** Ends the heartbeats. */
  stop(): void
}

interface Member {
  heardAt: number
  isTaking: boolean
}

export function createMembers({ self, pubsub, clock, onGone }: MembersPorts): Members {
  const members = new Map<string, Member>([[self, { heardAt: clock.now(), isTaking: true }]])
  let isTaking = true
  let isStopped = false
  let isDeaf = true
  let echoAt = clock.now()
  let reconnectAt = clock.now() + GONE
  const alone = createRing([self])
  let taking = alone
  const subscribed = pubsub.subscribe(CHANNEL, hear)
  void subscribed.then(() => tell('join'))
  const stopProbe = startProbe({ self, pubsub, clock, onSilence: fallDeaf, onEcho: hearAgain })
  let cancel = clock.after(BEAT, beat)

  function tell(word: 'beat' | 'join' | 'leave' | 'stop'): void {
    pubsub.publish(CHANNEL, `${word} ${self}`)
  }

  function hear(text: string): void {
    if (isStopped) return
    const [word, instanceId = ''] = text.split(' ')
    if (word === 'stop') {
      forget(instanceId)
      return
    }
    const before = members.get(instanceId)
    const now: Member = { heardAt: clock.now(), isTaking: word !== 'leave' }
    members.set(instanceId, now)
    if (instanceId !== self && (!before || word === 'join')) tell(isTaking ? 'beat' : 'leave')
    if (before?.isTaking !== now.isTaking) choose()
  }

  function fallDeaf(): void {
    if (isDeaf) return
    isDeaf = true
    reconnectAt = clock.now() + BEAT
    choose()
  }

  /** The time in which one was deaf is held against nobody. */
  function hearAgain(): void {
    const now = clock.now()
    if (isDeaf) {
      isDeaf = false
      for (const member of members.values()) member.heardAt = Math.min(now, member.heardAt + now - echoAt)
      choose()
    }
    echoAt = now
  }

  function beat(): void {
    cancel = clock.after(BEAT, beat)
    const now = clock.now()
    if (isDeaf && now >= reconnectAt) {
      reconnectAt = now + GONE
      pubsub.reconnect()
    }
    const isHearing = !isDeaf && now - (members.get(self)?.heardAt ?? 0) <= FROZEN
    for (const [instanceId, member] of members)
      if (isHearing && now - member.heardAt > GONE) forget(instanceId)
    tell(isTaking ? 'beat' : 'leave')
    choose()
  }

  function forget(instanceId: string): void {
    if (instanceId === self || !members.delete(instanceId)) return
    choose()
    onGone(instanceId)
  }

  /** Whether nothing of the others arrives: by their silence, or because the link says so itself. */
  const isAlone = () => isDeaf || pubsub.isDown

  /** Whoever is alone, or leaves and is the last one, serves every chat itself. */
  function choose(): void {
    const ids = [...members].flatMap(([id, member]) => (id !== self && member.isTaking ? [id] : []))
    const others = isAlone() ? [] : ids
    taking = createRing(isTaking || others.length === 0 ? [self, ...others] : others)
  }

  return {
    self,
    get taking() {
      return pubsub.isDown ? alone : taking
    },
    isThere: (instanceId) => instanceId === self || members.has(instanceId),
    get isDeaf() {
      return isAlone()
    },
    doubt(instanceId) {
      const member = members.get(instanceId)
      if (!member || instanceId === self) return
      member.isTaking = false
      choose()
    },
    leave() {
      isTaking = false
      tell('leave')
      choose()
    },
    stop() {
      isStopped = true
      cancel()
      stopProbe()
      tell('stop')
      void subscribed.then((unsubscribe) => unsubscribe())
    },
  }
}
