import type { FaultResult, Spread } from './run.ts'

const VIOLATIONS_SHOWN = 5
const HEADS = [
  ...['fault', 'strikes', 'acked', 'lost', 'doubled', 'reordered', 'other', 'unknown', 'repaired'],
  ...['takeover p50/p99', 'reconnect p50/p99', 'delivery p99'],
]

/** toHead is the first two lines of the table, in Markdown. */
export function toHead(): string {
  return `${toLine(HEADS)}\n${toLine(HEADS.map(() => '---'))}`
}

/** toRow is a fault as one line of the table, with what is wrong below it. Times are in milliseconds. */
export function toRow(result: FaultResult): string {
  const { id, title, strikes, acked, lost, doubled, reordered, others, unknown, repaired, delivery } = result
  const line = toLine([
    `${id} ${title}`,
    ...[strikes, acked, lost, doubled, reordered, others, unknown, repaired].map(String),
    toPair(result.takeover),
    toPair(result.reconnect),
    delivery.count === 0 ? '' : `${Math.round(delivery.p99)} ms`,
  ])
  const below = [...result.remarks, ...result.messages.slice(0, VIOLATIONS_SHOWN)]
  return [line, ...below.map((text) => `    ${text}`)].join('\n')
}

/** isClean tells whether a fault did no harm, and really took place under load. */
export function isClean({
  lost,
  doubled,
  reordered,
  others,
  unknown,
  refused,
  ...run
}: FaultResult): boolean {
  const harm = lost + doubled + reordered + others + unknown + refused
  return harm === 0 && run.acked > 0 && run.strikes > 0
}

function toPair({ count, p50, p99 }: Spread): string {
  return count === 0 ? '' : `${Math.round(p50)} / ${Math.round(p99)} ms`
}

function toLine(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
