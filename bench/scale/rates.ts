import { LIMITS, TIMES } from '../../src/protocol/limits.ts'
import { COSTS } from './costs.ts'
import type { Sizes } from './sizes.ts'
import type { Spread } from './spread.ts'
import { beatTraffic, joinTraffic, messageTraffic, probeTraffic, statusTraffic } from './traffic.ts'

/** Users of one comparison of heads (src/gateway/heartbeat.ts). */
const USERS_AT_ONCE = 500
/** What an instance says of its users is said again so often, in seconds, and looked after (cluster/presence.ts). */
const LEASE_AGAIN = 30
const LOOK = 2
const COMMANDS_A_LEASE = 4
/** Of one change of status: four commands that say it and one that reads how the user is seen now. */
const COMMANDS_A_STATUS = 5
/** Of an instance: DATABASE_POOL and two for commits; five are left for people (docs/operations.md). */
const CONNECTIONS = 22
const CONNECTIONS_LEFT = 5
/** To Redis, or to each master of a Redis Cluster: for commands, for what is published, and to listen. */
const REDIS_CONNECTIONS = 3
const CORE = 1_000_000

/** Load is what people do. */
export interface Load {
  /** Messages of one user, a second. */
  readonly messages: number
  /** Changes of one user's status, an hour: comes, goes, is away, is back. */
  readonly statuses: number
  /** Times that one user opens the list of his chats, an hour, and is shown how the others in them are seen. */
  readonly openings: number
}

export type Rates = ReturnType<typeof ratesOf>

/** ratesOf derives from a spread of people, the sizes of what is said and the costs, what happens in a second. */
export function ratesOf(spread: Spread, sizes: Sizes, load: Load) {
  const messages = spread.users * load.messages
  const redis = redisOf(spread, sizes, load)
  const texts = redis.each.publishes + redis.each.pushes
  const { together, alone } = COSTS.instance.text
  return {
    messages,
    texts,
    instanceCores: [together, alone].map((cost) => (messages * texts * cost) / CORE / spread.instances),
    channels: channelsOf(spread),
    ring: ringOf(spread, messages),
    redis,
    postgres: postgresOf(spread, messages),
    storms: stormsOf(spread, sizes),
  }
}

function channelsOf({ instances, users, chats, heard }: Spread) {
  const ofChats = heard.reduce((sum, count) => sum + count, 0)
  // For each instance: everybody's heartbeats, everybody's presence, its own inbox and probe, and what is for all.
  const subscriptions = ofChats + users + 5 * instances
  return {
    all: chats + users + 2 * instances + 3,
    subscriptions,
    perInstance: subscriptions / instances,
    mostByMean: Math.max(...heard) / (ofChats / instances),
    megabytes: (subscriptions * COSTS.redis.subscription) / 1e6,
  }
}

function ringOf({ instances, chats, message, ring }: Spread, messages: number) {
  // Twice for a command that is asked for elsewhere, once for typing.
  const lookups = messages * ((1 + message.others) * (1 + ring.relayed) + 1)
  return {
    chats: chats / instances,
    balance: balanceOf(instances, chats),
    sampleBalance: balanceOf(instances, ring.sample),
    lookup: instances * COSTS.instance.score,
    lookupCores: (lookups * instances * COSTS.instance.score) / CORE / instances,
  }
}

/** The most that chance gives one of n instances, by the mean m: about m + sqrt(2 m ln n). */
export function balanceOf(instances: number, chats: number): number {
  return 1 + Math.sqrt((2 * Math.log(instances) * instances) / chats)
}

function redisOf(spread: Spread, sizes: Sizes, load: Load) {
  const { instances, users, message, ring } = spread
  const messages = users * load.messages
  const input = { sizes, means: message, relayed: ring.relayed }
  const sendOnly = messageTraffic({ ...input, habit: 'send' })
  const each = messageTraffic({ ...input, habit: 'type, send, acknowledge' })
  const beats = beatTraffic(sizes, instances)
  const probes = probeTraffic(sizes, instances)
  const presence = presenceOf(spread, sizes, load)
  return {
    ...presence,
    sendOnly,
    each,
    publishes: messages * each.publishes,
    pushes: messages * each.pushes,
    bytesOut: messages * each.bytesOut,
    beats,
    beatCores: (instances * COSTS.instance.heartbeat) / CORE,
    /** Over all shards of a Redis Cluster, as names of channels and keys spread. */
    spreadCores: redisCores(
      messages * (each.publishes + 1) + presence.commands + probes.publishes,
      messages * each.pushes + probes.pushes,
    ),
    /** On the shards of two channels, however many shards there are. */
    hotCores: redisCores(beats.publishes + presence.statuses, beats.pushes + presence.statusPushes),
    connections: instances * REDIS_CONNECTIONS,
  }
}

function presenceOf({ instances, users, memberships, message }: Spread, sizes: Sizes, load: Load) {
  const status = statusTraffic(sizes, instances)
  const statuses = (users * load.statuses) / 3_600
  const leases = (users * COMMANDS_A_LEASE) / LEASE_AGAIN + instances / LOOK
  const shown = Math.min((memberships / users) * message.others, LIMITS.pageDefault)
  const lookups = (users * load.openings * shown) / 3_600
  return {
    statuses,
    statusPushes: statuses * status.pushes,
    statusBytesOut: statuses * status.bytesOut,
    leases,
    lookups,
    commands: leases + statuses * COMMANDS_A_STATUS + lookups,
  }
}

/** When much goes together, and when nothing does. */
function redisCores(commands: number, pushes: number): readonly [number, number] {
  const { publish, push } = COSTS.redis
  const cores = (how: 'together' | 'alone') => (commands * publish[how] + pushes * push[how]) / CORE
  return [cores('together'), cores('alone')]
}

function postgresOf({ instances, users, memberships, message }: Spread, messages: number) {
  const turns = messages * (1 + message.receipts)
  const batch = batchOf(turns / instances)
  const statements = turns / batch
  const beatSeconds = TIMES.heartbeat / 1_000
  const headRows = memberships / beatSeconds
  const headPolls = instances * (1 + Math.ceil(users / instances / beatSeconds / USERS_AT_ONCE))
  const checks = users / (TIMES.principalCheck / 1_000)
  const { statement, turn, headRow, logId, login } = COSTS.postgres
  return {
    turns,
    batch,
    statements,
    commitCores: (statements * statement + turns * turn) / CORE,
    headPolls,
    headRows,
    headCores: (headRows * headRow + instances * logId) / CORE,
    checks,
    checkCores: (checks * login) / CORE,
    /** Without Redis every head is asked for every second. */
    headCoresWithoutRedis: (memberships * headRow) / CORE,
    connections: instances * CONNECTIONS + CONNECTIONS_LEFT,
  }
}

/** Of a statement of so few turns at most, the next does not wait for the end (src/db/commit.ts). */
const SMALL = 4

/** Turns of one statement: those that come while two small ones are in flight, or a large one. */
export function batchOf(turnsASecond: number): number {
  const small = batchOfLane(turnsASecond / 2)
  return small <= SMALL ? small : batchOfLane(turnsASecond)
}

/** Those that come while the one before is in flight: b = rate x latency(b), solved for b. Below one, none waits. */
function batchOfLane(turnsASecond: number): number {
  const waiting = (turnsASecond * COSTS.latency.commit) / 1_000
  const left = 1 - (turnsASecond * COSTS.latency.turn) / 1_000
  return left <= 0 ? Number.POSITIVE_INFINITY : Math.max(1, waiting / left)
}

function stormsOf({ instances, users, memberships }: Spread, sizes: Sizes) {
  const back = (lost: number) => {
    const clients = (users * lost) / instances
    return {
      clients,
      postgresSeconds: (clients * COSTS.postgres.reconnect) / CORE,
      subscribes: (clients * memberships) / users + clients,
    }
  }
  const join = joinTraffic(sizes, instances - 1)
  return {
    one: back(1),
    tenth: back(Math.max(1, Math.round(instances / 10))),
    joinPushes: join.pushes,
    startPushes: instances ** 3,
  }
}
