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
/** Milliseconds in which everybody has answered a newcomer, as soon as it can be heard. */
const ANSWERED = 250
/** Milliseconds that a newcomer waits for Redis at most. */
const PATIENCE = 2_000
const CHANNEL = 'instances'

export interface MembersPorts {
  readonly self: string
  readonly pubsub: PubSub
  readonly clock: Clock
  /** An instance is there no longer: it left, or went silent. */
  readonly onGone: (instanceId: string) => void
  /** An instance, or this one, hears nothing for now: neither what it is asked nor what it is answered. */
  readonly onDeaf?: (instanceId: string) => void
}

/**
 * Members is which instances are there, as this one hears it. Everybody's heartbeats go over the bus, and no clock
 * but one's own is read, so that there is nothing to flush and clocks may differ. It decides where commands go and
 * whose presence counts, never what may be written.
 */
export interface Members {
  readonly self: string
  /**
   * Resolves when it knows who was there before it, or Redis is away. An instance that serves before that takes every
   * chat for its own, and loses each commit to the owner.
   */
  readonly joined: Promise<void>
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

/**
 * What an instance says of itself: it is there, new, draining, deaf, or gone. Who drains answers what it was asked,
 * who is deaf does not hear it.
 */
type Word = 'beat' | 'join' | 'leave' | 'deaf' | 'stop'

interface Member {
  heardAt: number
  isTaking: boolean
}

export function createMembers({ self, pubsub, clock, onGone, onDeaf }: MembersPorts): Members {
  const members = new Map<string, Member>([[self, { heardAt: clock.now(), isTaking: true }]])
  let isTaking = true
  let isStopped = false
  let hears: 'notYet' | 'well' | 'nothing' = 'notYet'
  let echoAt = clock.now()
  let reconnectAt = clock.now() + GONE
  const alone = createRing([self])
  let taking = alone
  const subscribed = pubsub.subscribe(CHANNEL, hear)
  const echoed = Promise.withResolvers<void>()
  const joined = Promise.withResolvers<void>()
  clock.after(PATIENCE, joined.resolve)
  // Said before something of one's own has come back, it may be said to nobody.
  void Promise.all([subscribed, echoed.promise]).then(() => tell('join'))
  const stopProbe = startProbe({ self, pubsub, clock, onSilence: fallDeaf, onEcho: hearAgain })
  let cancel = clock.after(BEAT, beat)

  function tell(word: Word): void {
    pubsub.publish(CHANNEL, `${word} ${self}`)
  }

  function tellAgain(): void {
    if (hears === 'nothing') tell('deaf')
    else tell(isTaking ? 'beat' : 'leave')
  }

  function hear(text: string): void {
    if (isStopped) return
    const [word, instanceId = ''] = text.split(' ')
    if (word === 'stop') {
      forget(instanceId)
      return
    }
    const before = members.get(instanceId)
    const now: Member = { heardAt: clock.now(), isTaking: word !== 'leave' && word !== 'deaf' }
    members.set(instanceId, now)
    if (instanceId !== self && (!before || word === 'join')) tellAgain()
    if (instanceId === self && word === 'join') clock.after(ANSWERED, joined.resolve)
    if (before?.isTaking !== now.isTaking) choose()
    if (word === 'deaf' && instanceId !== self) onDeaf?.(instanceId)
  }

  function fallDeaf(): void {
    if (hears === 'nothing') return
    if (hears === 'well') reconnectAt = clock.now() + BEAT
    hears = 'nothing'
    choose()
    // What it says may still arrive: nobody shall wait for its answers, nor it for those of others.
    tell('deaf')
    onDeaf?.(self)
  }

  /** The time in which one was deaf is held against nobody. */
  function hearAgain(): void {
    const now = clock.now()
    echoed.resolve()
    if (hears !== 'well') {
      hears = 'well'
      for (const member of members.values()) member.heardAt = Math.min(now, member.heardAt + now - echoAt)
      choose()
    }
    echoAt = now
  }

  function beat(): void {
    cancel = clock.after(BEAT, beat)
    const now = clock.now()
    if (hears !== 'well' && now >= reconnectAt) {
      reconnectAt = now + GONE
      pubsub.reconnect()
    }
    const isHearing = hears === 'well' && now - (members.get(self)?.heardAt ?? 0) <= FROZEN
    for (const [instanceId, member] of members)
      if (isHearing && now - member.heardAt > GONE) forget(instanceId)
    tellAgain()
    choose()
  }

  function forget(instanceId: string): void {
    if (instanceId === self || !members.delete(instanceId)) return
    choose()
    onGone(instanceId)
  }

  /** Whether nothing of the others arrives: by their silence, or because the link says so itself. */
  const isAlone = () => hears !== 'well' || pubsub.isDown

  /** Whoever is alone, or leaves and is the last one, serves every chat itself. */
  function choose(): void {
    const ids = [...members].flatMap(([id, member]) => (id !== self && member.isTaking ? [id] : []))
    const others = isAlone() ? [] : ids
    taking = createRing(isTaking || others.length === 0 ? [self, ...others] : others)
  }

  return {
    self,
    joined: joined.promise,
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
