import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { JobCounts } from '../../db/queries/jobs.ts'
import type { CommandType } from '../../protocol/commands.ts'
import type { Envelope, Outcome, RoomDirectory, RoomStore } from '../../rooms/ports.ts'
import type { AnsweredRequest, MetricsPage } from '../../routes/deps.ts'

/** Seconds, and changes of a turn: where the buckets end. */
const REQUEST_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 2, 5]
const QUERY_SECONDS = [0.001, 0.01, 0.05, 0.1, 0.5, 1]
const COMMIT_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 2]
const TURN_CHANGES = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** What is counted only when somebody asks. */
export interface Counts {
  readonly connections: number
  /** Commands that wait in the mailboxes of all rooms here. */
  readonly mailbox: number
  readonly rooms: number
  /** That this one knows, itself included. */
  readonly instances: number
}

/**
 * Metrics is what this instance measures of itself, for Prometheus. Every label has few values that the code names:
 * no id, name or path of a client's makes a series.
 */
export interface Metrics {
  page(): Promise<MetricsPage>
  request(request: AnsweredRequest): void
  /** A statement has ended, well or not. */
  query(type: string, milliseconds: number): void
  /** A chat in which the broadcast lost something was read again. */
  repaired(): void
  /** Another instance has answered a command. */
  relayed(milliseconds: number): void
  /** The store, measured. */
  measureStore(store: RoomStore): RoomStore
  /** The rooms, with what becomes of every command counted: here where it came in, not where it is decided. */
  countCommands(rooms: RoomDirectory): RoomDirectory
  /** Says where the counts come from. */
  show(counts: () => Counts): void
  /** Says where the state of background work comes from. */
  showJobs(read: () => Promise<readonly JobCounts[]>): void
}

export function createMetrics(): Metrics {
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register })
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'HTTP requests, from their arrival to their answer',
    labelNames: ['method', 'route', 'status_code'],
    buckets: REQUEST_SECONDS,
    registers,
  })
  const queries = new Histogram({
    name: 'database_query_duration_seconds',
    help: 'Statements, with their wait for a connection; by name, or else by their first word',
    labelNames: ['query_type'],
    buckets: QUERY_SECONDS,
    registers,
  })
  const repairs = new Counter({
    name: 'parley_repairs_total',
    help: 'Chats that were read again because the broadcast lost something',
    registers,
  })

  const relays = new Histogram({
    name: 'parley_relay_duration_seconds',
    help: 'Commands for a chat of another instance, until its answer',
    buckets: COMMIT_SECONDS,
    registers,
  })

  return {
    page: async () => ({ contentType: register.contentType, text: await register.metrics() }),
    request: ({ method, route, status, milliseconds }) =>
      requests.observe({ method, route, status_code: status }, milliseconds / 1_000),
    query: (type, milliseconds) => queries.observe({ query_type: type }, milliseconds / 1_000),
    repaired: () => repairs.inc(),
    relayed: (milliseconds) => relays.observe(milliseconds / 1_000),
    measureStore: (store) => measureStore(store, registers),
    countCommands: (rooms) => countCommands(rooms, registers),
    show: (counts) => showCounts(counts, registers),
    showJobs: (read) => showJobs(read, registers),
  }
}

function measureStore(store: RoomStore, registers: Registry[]): RoomStore {
  const commits = new Histogram({
    name: 'parley_commit_duration_seconds',
    help: 'Commits of turns, with their wait for the statement before',
    buckets: COMMIT_SECONDS,
    registers,
  })
  const turns = new Histogram({
    name: 'parley_turn_changes',
    help: 'Changes of a turn: how much goes into one commit of one chat',
    buckets: TURN_CHANGES,
    registers,
  })
  const conflicts = new Counter({
    name: 'parley_commit_conflicts_total',
    help: 'Turns that were decided again because another instance had written the chat, or a message was known',
    registers,
  })
  return {
    load: (chatId) => store.load(chatId),
    read: (needs) => store.read(needs),
    async commit(turn) {
      const begin = performance.now()
      const result = await store.commit(turn)
      commits.observe((performance.now() - begin) / 1_000)
      turns.observe(turn.events.length)
      if (result.status === 'stale') conflicts.inc()
      return result
    },
  }
}

function countCommands(rooms: RoomDirectory, registers: Registry[]): RoomDirectory {
  // Looking labels up costs a hundredth of a whole send: they are put on when somebody asks.
  const counted = new Map<CommandType, Map<string, number>>()
  new Counter({
    name: 'messages_processed_total',
    help: 'Commands by type, and what became of them: ok, or the code of the error',
    labelNames: ['type', 'status'],
    registers,
    collect() {
      this.reset()
      for (const [type, statuses] of counted) {
        for (const [status, count] of statuses) this.inc({ type, status }, count)
      }
    },
  })

  function count(type: CommandType, status: string): void {
    const statuses = counted.get(type) ?? new Map<string, number>()
    counted.set(type, statuses)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }

  return {
    get(chatId) {
      const room = rooms.get(chatId)
      return {
        async dispatch<T extends CommandType>(envelope: Envelope<T>): Promise<Outcome<T>> {
          const outcome = await room.dispatch(envelope)
          count(envelope.command.type, outcome.ok ? 'ok' : outcome.refusal.code)
          return outcome
        },
        typing: (principal, isTyping) => room.typing(principal, isTyping),
        reload: () => room.reload(),
      }
    },
  }
}

function showCounts(counts: () => Counts, registers: Registry[]): void {
  const gauges = {
    connections: ['websocket_connections_active', 'Sockets that are open here'],
    mailbox: ['parley_mailbox_commands', 'Commands that wait in the mailboxes of all rooms here'],
    rooms: ['parley_rooms_active', 'Rooms in the memory of this instance'],
    instances: ['parley_instances', 'Instances that take commands, as this one knows them'],
  } satisfies Record<keyof Counts, [name: string, help: string]>
  for (const [key, [name, help]] of Object.entries(gauges)) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(counts()[key as keyof Counts])
      },
    })
  }
}

/** Of all instances, as the database has it. Without a database there is nothing to say. */
function showJobs(read: () => Promise<readonly JobCounts[]>, registers: Registry[]): void {
  const jobs = new Gauge({
    name: 'parley_jobs',
    help: 'Background jobs in the database, by kind: ready (waiting or running), or dead letters',
    labelNames: ['kind', 'state'],
    registers,
  })
  new Gauge({
    name: 'parley_outbox_age_seconds',
    help: 'For how long the oldest job has been due, by kind: 0 while there is none',
    labelNames: ['kind'],
    registers,
    async collect() {
      this.reset()
      jobs.reset()
      for (const { kind, ready, dead, age } of await read().catch(() => [])) {
        this.set({ kind }, age)
        jobs.set({ kind, state: 'ready' }, ready)
        jobs.set({ kind, state: 'dead' }, dead)
      }
    },
  })
}
