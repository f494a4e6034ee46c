import type { Rates } from './rates.ts'
import type { Spread } from './spread.ts'

/** Setting is one column of the table. */
export interface Setting {
  readonly spread: Spread
  readonly rates: Rates
}

type Row = readonly [name: string, read: (setting: Setting) => string]
type Part = readonly [title: string, rows: readonly Row[]]

const PARTS: readonly Part[] = [
  [
    'People',
    [
      ['users, each with a connection', ({ spread }) => whole(spread.users)],
      ['chats', ({ spread }) => whole(spread.chats)],
      ['chats of one user', ({ spread }) => short(spread.memberships / spread.users)],
      ['messages /s', ({ rates }) => whole(rates.messages)],
      ['others in the chat of a message', ({ spread }) => short(spread.message.others)],
      ['instances that hear a message', ({ spread }) => short(spread.message.heardBy)],
    ],
  ],
  [
    'Instances',
    [
      ['users of each', ({ spread }) => whole(spread.users / spread.instances)],
      ['texts over the bus of a message', ({ rates }) => short(rates.texts)],
      ['cores of each for messages', ({ rates }) => range(rates.instanceCores)],
    ],
  ],
  [
    'Ring',
    [
      ['chats of one instance', ({ rates }) => whole(rates.ring.chats)],
      ['most / mean, derived for all chats', ({ rates }) => short(rates.ring.balance)],
      ['chats in the sample', ({ spread }) => whole(spread.ring.sample)],
      ['most / mean, derived for the sample', ({ rates }) => short(rates.ring.sampleBalance)],
      ['most / mean, counted in the sample', ({ spread }) => short(spread.ring.balance)],
      ['messages that are relayed', ({ spread }) => percent(spread.ring.relayed)],
      ['… of which (n - 1) / n is', ({ spread }) => percent(1 - 1 / spread.instances)],
      ['owner hears the chat itself', ({ spread }) => percent(spread.ring.echoed)],
      ['chats that move with one instance', ({ spread }) => percent(spread.ring.movedByOne)],
      ['chats that move with a tenth', ({ spread }) => percent(spread.ring.movedByTenth)],
      ['… needlessly', ({ spread }) => whole(spread.ring.movedNeedlessly)],
      ['to find an owner, us', ({ rates }) => short(rates.ring.lookup)],
      ['… of a core, at each instance', ({ rates }) => percent(rates.ring.lookupCores)],
    ],
  ],
  [
    'Channels',
    [
      ['channels', ({ rates }) => whole(rates.channels.all)],
      ['subscriptions in all', ({ rates }) => whole(rates.channels.subscriptions)],
      ['… of one instance', ({ rates }) => whole(rates.channels.perInstance)],
      ['… most / mean', ({ rates }) => short(rates.channels.mostByMean)],
      ['… of each of 10 shards', ({ rates }) => whole(rates.channels.subscriptions / 10)],
      ['memory of Redis, MB', ({ rates }) => whole(rates.channels.megabytes)],
    ],
  ],
  [
    'Messages over Redis',
    [
      ['publishes of a send', ({ rates }) => short(rates.redis.sendOnly.publishes)],
      ['pushes of a send', ({ rates }) => short(rates.redis.sendOnly.pushes)],
      ['publishes with typing and receipts', ({ rates }) => short(rates.redis.each.publishes)],
      ['pushes with them', ({ rates }) => short(rates.redis.each.pushes)],
      ['publishes /s', ({ rates }) => whole(rates.redis.publishes)],
      ['pushes /s', ({ rates }) => whole(rates.redis.pushes)],
      ['MB/s out', ({ rates }) => short(rates.redis.bytesOut / 1e6)],
      ['cores, with presence', ({ rates }) => range(rates.redis.spreadCores)],
      ['… of each of 10 shards', ({ rates }) => range(rates.redis.spreadCores.map((it) => it / 10))],
    ],
  ],
  [
    'Heartbeats and presence',
    [
      ['heartbeats pushed /s', ({ rates }) => whole(rates.redis.beats.pushes)],
      ['… of a core, at each instance', ({ rates }) => percent(rates.redis.beatCores)],
      ['lease commands /s', ({ rates }) => whole(rates.redis.leases)],
      ['status changes /s', ({ rates }) => whole(rates.redis.statuses)],
      ['… pushes /s', ({ rates }) => whole(rates.redis.statusPushes)],
      ['… MB/s out', ({ rates }) => short(rates.redis.statusBytesOut / 1e6)],
      ['look-ups of presence /s', ({ rates }) => whole(rates.redis.lookups)],
      ['cores of the two channels of all', ({ rates }) => range(rates.redis.hotCores)],
    ],
  ],
  [
    'Postgres',
    [
      ['turns /s', ({ rates }) => whole(rates.postgres.turns)],
      ['turns of a statement', ({ rates }) => short(rates.postgres.batch)],
      ['commits /s', ({ rates }) => whole(rates.postgres.statements)],
      ['cores for commits', ({ rates }) => short(rates.postgres.commitCores)],
      ['comparisons of heads /s', ({ rates }) => whole(rates.postgres.headPolls)],
      ['… rows /s', ({ rates }) => whole(rates.postgres.headRows)],
      ['… cores', ({ rates }) => short(rates.postgres.headCores)],
      ['… core-seconds of heads without Redis', ({ rates }) => short(rates.postgres.headCoresWithoutRedis)],
      ['logins checked /s', ({ rates }) => whole(rates.postgres.checks)],
      ['… cores', ({ rates }) => short(rates.postgres.checkCores)],
      ['connections wanted', ({ rates }) => whole(rates.postgres.connections)],
    ],
  ],
  [
    'Storms',
    [
      ['clients back when one is lost', ({ rates }) => whole(rates.storms.one.clients)],
      ['… core-seconds of Postgres', ({ rates }) => short(rates.storms.one.postgresSeconds)],
      ['clients back when a tenth is lost', ({ rates }) => whole(rates.storms.tenth.clients)],
      ['… core-seconds of Postgres', ({ rates }) => short(rates.storms.tenth.postgresSeconds)],
      ['… channels subscribed, at most', ({ rates }) => whole(rates.storms.tenth.subscribes)],
      ['heartbeats pushed when one joins', ({ rates }) => whole(rates.storms.joinPushes)],
      ['… when all start at once', ({ rates }) => whole(rates.storms.startPushes)],
    ],
  ],
]
const NAME = 37
const CELL = 19

/** toTable lays settings side by side. */
export function toTable(settings: readonly Setting[]): string {
  const row = (name: string, cells: readonly string[]) =>
    `${name.padEnd(NAME)}${cells.map((cell) => cell.padStart(CELL)).join('')}`
  const head = row(
    'instances',
    settings.map(({ spread }) => whole(spread.instances)),
  )
  const parts = PARTS.flatMap(([title, rows]) => [
    '',
    title,
    ...rows.map(([name, read]) => row(`  ${name}`, settings.map(read))),
  ])
  return [head, ...parts].join('\n')
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function short(value: number): string {
  return value < 100 ? value.toLocaleString('en', { maximumSignificantDigits: 3 }) : whole(value)
}

function percent(share: number): string {
  return `${short(share * 100)} %`
}

function range(values: readonly number[]): string {
  return values.map((value) => value.toLocaleString('en', { maximumSignificantDigits: 2 })).join(' to ')
}
