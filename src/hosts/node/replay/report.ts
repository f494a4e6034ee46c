import type { Archive, SkippedLine } from './archive.ts'
import type { Findings } from './compare.ts'
import type { Ears } from './ears.ts'
import type { Plan } from './plan.ts'
import { format } from './progress.ts'
import type { Searched } from './search.ts'
import type { Sent } from './send.ts'

/** Result is everything that a replay found out. */
export interface Result {
  readonly archive: Archive
  readonly plan: Plan
  /** Messages that were there before. */
  readonly stored: number
  readonly sent: Sent
  readonly ears: Ears
  /** Copies of chats at clients that never reached the last state. */
  readonly behind: number
  readonly findings: Findings
  readonly searched: Searched
}

/** isGood tells whether every line is there once, in order, at everybody, and can be found. */
export function isGood({ findings, sent, ears, behind, searched }: Result): boolean {
  return (
    Object.values(findings).every((numbers) => numbers.length === 0) &&
    sent.refused.length + ears.outOfPlace + behind + searched.missing.length === 0
  )
}

export function toLines(result: Result): string[] {
  const { archive, plan, stored, sent, ears, behind, findings, searched } = result
  const { acks, seconds } = sent
  const rate = (count: number) => `${format(Math.round(count / Math.max(seconds, 0.001)))}/s`
  const [a50, a95, a99] = acks.percentiles(0.5, 0.95, 0.99)
  const [d50, d99] = ears.deliveries.percentiles(0.5, 0.99)
  return [
    `archive     ${format(archive.lines.length)} messages of ${format(plan.authors)} authors in ${format(plan.topics.length)} topics, ${format(archive.skipped.length)} lines skipped`,
    `sent        ${format(acks.count)} in ${seconds.toFixed(1)} s, ${rate(acks.count)}; ${format(stored)} were there already`,
    `acks        p50 ${ms(a50)}, p95 ${ms(a95)}, p99 ${ms(a99)}`,
    `deliveries  ${format(ears.deliveries.count)}, ${rate(ears.deliveries.count)}; p50 ${ms(d50)}, p99 ${ms(d99)}`,
    `clients     ${format(behind)} chats behind, ${format(ears.outOfPlace)} messages out of place`,
    `search      ${searched.words - searched.missing.length} of ${searched.words} sampled words found`,
    `read afresh ${counts(findings)}`,
    ...sent.refused.map(({ number, reason }) => `line ${number} was refused: ${reason}`),
    ...searched.missing.map(({ word, line }) => `line ${line.number} was not found by "${word}"`),
    ...Object.entries(findings).flatMap(([kind, numbers]) =>
      numbers.length === 0 ? [] : [`${kind}: ${toRanges(numbers)}`],
    ),
  ]
}

/** toSkippedLines names every line that is left out, by reason. */
export function toSkippedLines(skipped: readonly SkippedLine[]): string[] {
  return [...Map.groupBy(skipped, ({ reason }) => reason)].map(
    ([reason, lines]) =>
      `Skipped ${format(lines.length)}: ${reason} (${toRanges(lines.map(({ number }) => number))})`,
  )
}

function counts(findings: Findings): string {
  return Object.entries(findings)
    .map(([kind, numbers]) => `${format(numbers.length)} ${kind}`)
    .join(', ')
}

/** Line numbers in rising order, as people write them: lines 3, 5-9. */
function toRanges(numbers: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const number of numbers) {
    const last = ranges.at(-1)
    if (last && number === last[1] + 1) last[1] = number
    else ranges.push([number, number])
  }
  const text = ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
  return `${numbers.length === 1 ? 'line' : 'lines'} ${text}`
}

function ms(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`
}
