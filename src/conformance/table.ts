import type { RuleResult } from './run.ts'

const MARKS = { passed: 'ok', failed: 'FAILED', skipped: 'skipped' } as const
const MARK_WIDTH = 7
const NUMBER_WIDTH = 6

/** toLine is a result as one line of a table, with what is wrong below it. */
export function toLine({ number, title, status, message, milliseconds }: RuleResult): string {
  const time = `${(milliseconds / 1_000).toFixed(1)} s`
  const line = `${MARKS[status].padEnd(MARK_WIDTH)} ${number.padEnd(NUMBER_WIDTH)} ${title} (${time})`
  return message === undefined ? line : `${line}\n${' '.repeat(MARK_WIDTH + NUMBER_WIDTH + 2)}${message}`
}

/** toSummary is what came of it all. */
export function toSummary(results: readonly RuleResult[]): string {
  const count = (status: RuleResult['status']) => results.filter((it) => it.status === status).length
  return `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`
}
