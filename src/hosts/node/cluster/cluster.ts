import type { Logger } from 'pino'
import { NO_KEY_STORE } from '../../../auth/issuer-keys.ts'
import type { KeyStore, Tickets } from '../../../auth/ports.ts'
import { createMemoryTickets } from '../../../auth/tickets.ts'
import { type Config, commitDeadlineOf } from '../../../config.ts'
import { createMemoryPresence } from '../../../gateway/memory.ts'
import type { ChangesReader, PresenceStore, UserReader } from '../../../gateway/ports.ts'
import { createRooms, type Rooms } from '../../../rooms/directory.ts'
import { createMemoryBroadcast } from '../../../rooms/memory.ts'
import type { Broadcast, Clock, Ids, RoomDirectory, RoomStore } from '../../../rooms/ports.ts'
import type { SharedCounts } from '../limiter.ts'
import { createClusterBroadcast } from './broadcast.ts'
import { tellGhosts } from './ghosts.ts'
import { createRedisKeyStore } from './key-store.ts'
import { createMembers } from './members.ts'
import { createClusterPresence } from './presence.ts'
import type { RedisLink } from './redis.ts'
import { createRedisPubSub } from './redis-pubsub.ts'
import { createRelay } from './relay.ts'
import { createRedisTickets } from './tickets.ts'

/**
 * Milliseconds for which news may have been lost after the link went down, however soon it is up again: the gateway
 * looks more often than that, and finds what was said while nobody listened.
 */
const SHAKEN = 1_000

export interface ClusterPorts {
  readonly config: Config
  readonly logger: Logger
  readonly clock: Clock
  readonly ids: Ids
  readonly store: RoomStore
  readonly changes: ChangesReader
  readonly users: UserReader
  readonly onFault: (fault: { error: unknown }) => void
  /** Told how long another instance took to answer a command. */
  readonly onRelayed: (milliseconds: number) => void
}

/** Cluster is what one instance shares with the others, or has for itself alone. */
export interface Cluster {
  /** The rooms in this instance's memory. */
  readonly rooms: Rooms
  /** Every room, wherever its owner is. */
  readonly directory: RoomDirectory
  readonly broadcast: Broadcast
  readonly presence: PresenceStore
  readonly tickets: Tickets
  readonly keys: KeyStore
  readonly counts: SharedCounts | undefined
  /** How many instances this one knows, itself included; undefined when it is meant to be alone. */
  readonly known: () => { readonly instances: number; readonly isDeaf: boolean } | undefined
  /** Resolves when it knows the others: nobody is to be served before. */
  readonly joined: Promise<void>
  /** Takes no commands of other instances from now on: the first thing of a drain. Answers who takes them. */
  leave(): 'others' | 'nobody'
  /** Resolves when what others have asked for is answered: rooms and their store must still work. */
  settle(): Promise<void>
  /** Takes back what this instance said of its users, and ends. */
  close(): Promise<void>
}

/** createAlone is a service of one instance: everything is in its memory. */
export function createAlone({ config, store, clock, ids, onFault }: ClusterPorts): Cluster {
  const broadcast = createMemoryBroadcast()
  const commitDeadline = commitDeadlineOf(config)
  const rooms = createRooms({ store, broadcast, clock, ids, onFault, commitDeadline })
  return {
    rooms,
    directory: rooms,
    broadcast,
    presence: createMemoryPresence(),
    tickets: createMemoryTickets(clock),
    keys: NO_KEY_STORE,
    counts: undefined,
    known: () => undefined,
    joined: Promise.resolve(),
    leave: () => 'nobody',
    async settle() {},
    async close() {},
  }
}

/** createCluster is one of many instances over one Redis. Redis may be away, at the start as well. */
export function createCluster(link: RedisLink, ports: ClusterPorts): Cluster {
  const { config, logger, clock, ids, store, onFault } = ports
  const prefix = config.REDIS_PREFIX
  const self = ids.uuid()
  let fellAt = Number.NEGATIVE_INFINITY
  const pubsub = createRedisPubSub(link, {
    prefix,
    onDown() {
      fellAt = clock.now()
      relay.giveUp()
    },
    onFault: (error) => onFault({ error }),
  })
  const members = createMembers({
    ...{ self, pubsub, clock, onGone },
    onDeaf: (instanceId) => relay.giveUp(instanceId === self ? undefined : instanceId),
  })
  const broadcast = createClusterBroadcast(pubsub, {
    self,
    get isDeaf() {
      return members.isDeaf || Math.abs(clock.now() - fellAt) < SHAKEN
    },
  })
  const commitDeadline = commitDeadlineOf(config)
  const rooms = createRooms({ store, broadcast, clock, ids, onFault, commitDeadline, others: () => relay })
  const relay = createRelay({
    pubsub,
    members,
    rooms,
    clock,
    ids,
    soon: pubsub.soon,
    onAnswer: ports.onRelayed,
    commitDeadline,
  })
  const presence = createClusterPresence({ redis: link.commands, prefix, members, clock })
  const tickets = createRedisTickets({
    redis: link.commands,
    prefix,
    clock,
    fallback: createMemoryTickets(clock),
  })

  function onGone(instanceId: string): void {
    logger.info({ instanceId }, 'an instance is gone')
    relay.giveUp(instanceId)
    tellGhosts(instanceId, { ...ports, members, presence, broadcast }).catch((error: unknown) =>
      onFault({ error }),
    )
  }

  return {
    rooms,
    directory: relay,
    broadcast,
    presence,
    tickets,
    keys: createRedisKeyStore(link.commands, prefix),
    counts: { redis: link.commands, prefix },
    joined: members.joined,
    known: () => ({ instances: members.taking.size, isDeaf: members.isDeaf }),
    leave() {
      members.leave()
      return members.taking.has(self) ? 'nobody' : 'others'
    },
    settle: () => relay.drain(),
    async close() {
      await presence.close()
      members.stop()
      link.close()
    },
  }
}
