import type { Run } from './measure.ts'
import type { Scenario } from './scenarios.ts'

/** Figure is one line of the report: how to read it from a run, and how to print it. */
interface Figure {
  readonly name: string
  readonly unit: string
  read(run: Run): number | undefined
}

const MB = 1_048_576
const FIGURES: readonly Figure[] = [
  { name: 'acked', unit: '/s', read: ({ interval }) => interval && interval.acked / interval.seconds },
  {
    name: 'deliveries',
    unit: '/s',
    read: ({ interval }) => interval && interval.delivered / interval.seconds,
  },
  { name: 'ack p50', unit: 'ms', read: ({ interval }) => interval?.ack.p50 },
  { name: 'ack p95', unit: 'ms', read: ({ interval }) => interval?.ack.p95 },
  { name: 'ack p99', unit: 'ms', read: ({ interval }) => interval?.ack.p99 },
  { name: 'delivery p50', unit: 'ms', read: ({ interval }) => interval?.delivery.p50 },
  { name: 'delivery p95', unit: 'ms', read: ({ interval }) => interval?.delivery.p95 },
  { name: 'delivery p99', unit: 'ms', read: ({ interval }) => interval?.delivery.p99 },
  { name: 'server CPU', unit: 'us/message', read: ({ cpu }) => cpu?.server },
  { name: 'Postgres CPU', unit: 'us/message', read: ({ cpu }) => cpu?.postgres },
  { name: 'other CPU', unit: 'us/message', read: ({ cpu }) => cpu?.others },
  { name: 'Redis publishes', unit: '/message', read: ({ redis }) => redis?.published },
  { name: 'Redis, other', unit: '/message', read: ({ redis }) => redis?.otherCommands },
  { name: 'Redis bytes out', unit: '/message', read: ({ redis }) => redis?.bytesOut },
  { name: 'generator', unit: 'of a core', read: ({ generatorShare }) => generatorShare },
  { name: 'stolen by the host', unit: 'of a core', read: ({ stolenShare }) => stolenShare },
  { name: 'restart', unit: 'ms', read: ({ crash }) => crash?.restart },
  { name: 'back p50', unit: 'ms', read: ({ crash }) => crash?.back.p50 },
  { name: 'all back', unit: 'ms', read: ({ crash }) => crash?.back.most },
  { name: 'live p50', unit: 'ms', read: ({ storm }) => storm?.after.p50 },
  { name: 'all live', unit: 'ms', read: ({ storm }) => storm?.after.most },
  { name: 'server CPU each', unit: 'us', read: ({ crash, storm }) => (crash ?? storm)?.cpu.server },
  {
    name: 'Postgres CPU each',
    unit: 'us',
    read: ({ crash, storm }) => (crash ?? storm)?.cpu.postgres,
  },
  { name: 'delivery p50 meanwhile', unit: 'ms', read: ({ storm }) => storm?.delivery.p50 },
  { name: 'delivery p99 meanwhile', unit: 'ms', read: ({ storm }) => storm?.delivery.p99 },
  { name: 'failed handshakes', unit: '', read: ({ storm }) => storm?.failed },
  { name: 'RSS', unit: 'MB', read: ({ rss }) => rss / MB },
  { name: 'RSS/connection', unit: 'KB', read: ({ rssPerConnection }) => rssPerConnection / 1_024 },
  { name: 'not stored', unit: '', read: ({ verdict }) => verdict.notStored },
  { name: 'stored twice', unit: '', read: ({ verdict }) => verdict.storedTwice },
  { name: 'lost', unit: '', read: ({ verdict }) => verdict.lost },
  { name: 'doubled', unit: '', read: ({ verdict }) => verdict.doubled },
  { name: 'out of order', unit: '', read: ({ verdict }) => verdict.outOfOrder },
  { name: 'violations', unit: '', read: ({ verdict }) => verdict.violations },
  { name: 'failed', unit: '', read: ({ verdict }) => verdict.failed },
  { name: 'unknown', unit: '', read: ({ verdict }) => verdict.unknown },
]

/** Of these the report takes the worst run, not the median: one is one too many. */
const COUNTED = [
  ...['not stored', 'stored twice', 'lost', 'doubled', 'out of order', 'violations'],
  ...['failed', 'unknown', 'failed handshakes'],
]

export type Runs = Readonly<Record<string, readonly Run[]>>

/** toReport lays the medians of each target's runs side by side, with the ratio of the first two targets. */
export function toReport({ name, about }: Scenario, runs: Runs): string {
  const targets = Object.keys(runs)
  const [first, second] = targets
  const lines = FIGURES.flatMap((figure) => {
    const values = targets.map((target) => summarise(figure, runs[target] ?? []))
    if (values.every((value) => value === undefined)) return []
    const [ours, theirs] = values
    const hasRatio =
      !COUNTED.includes(figure.name) && ours !== undefined && theirs !== undefined && theirs > 0
    const ratio = hasRatio ? `x ${toText(ours / theirs)}` : ''
    return [row([`${figure.name} ${figure.unit}`, ...values.map(toText), ratio])]
  })
  const faults = targets.flatMap((target) =>
    [...new Set(runs[target]?.flatMap((run) => run.faults))].map(
      (fault) => `  ${target}: ${fault.slice(0, 200)}`,
    ),
  )
  const head = row(['', ...targets, second === undefined ? '' : `${first}/${second}`])
  return [`${name}: ${about}`, head, ...lines, ...faults, ''].join('\n')
}

function summarise({ name, read }: Figure, runs: readonly Run[]): number | undefined {
  const values = runs.flatMap((run) => read(run) ?? []).sort((a, b) => a - b)
  if (COUNTED.includes(name)) return values.at(-1)
  const middle = (values.length - 1) / 2
  const [low, high] = [values[Math.floor(middle)], values[Math.ceil(middle)]]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}

/** Three digits, or whole: more is not to be told on a shared machine. */
function toText(value: number | undefined): string {
  if (value === undefined) return '-'
  return value < 100
    ? value.toLocaleString('en', { maximumSignificantDigits: 3 })
    : Math.round(value).toLocaleString('en')
}

function row([name = '', ...cells]: readonly string[]): string {
  return `  ${name.padEnd(26)}${cells.map((cell) => cell.padStart(16)).join('')}`
}
