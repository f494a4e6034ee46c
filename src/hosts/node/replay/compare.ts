import type { Message } from '../../../protocol/model.ts'

/** ExpectedMessage is a line as it has to be in its chat. */
export interface ExpectedMessage {
  /** Of the line in the archive. */
  readonly number: number
  readonly id: string
  readonly senderId: string
  readonly content: string
}

/** Findings are the numbers of the lines that are not as they should be. */
export interface Findings {
  readonly lost: number[]
  readonly doubled: number[]
  readonly reordered: number[]
  /** Other words, or another sender. */
  readonly changed: number[]
}

export function noFindings(): Findings {
  return { lost: [], doubled: [], reordered: [], changed: [] }
}

type Stored = Pick<Message, 'id' | 'seq' | 'senderId' | 'content' | 'metadata'>

/**
 * compare holds what is stored in a chat, by seq, against the lines of its topic. A line under another id is doubled.
 * What others have written there since is left alone.
 */
export function compare(expected: readonly ExpectedMessage[], stored: readonly Stored[]): Findings {
  const findings = noFindings()
  const lines = new Map(expected.map((line) => [line.id, line]))
  const numbers = new Set(expected.map(({ number }) => number))
  const seen = new Set<number>()
  let highest = 0
  for (const message of [...stored].sort((a, b) => a.seq - b.seq)) {
    const line = lines.get(message.id)
    const number = line?.number ?? lineOf(message)
    if (number === undefined || !numbers.has(number)) continue
    if (!line || seen.has(number)) {
      findings.doubled.push(number)
      continue
    }
    seen.add(number)
    if (number < highest) findings.reordered.push(number)
    highest = Math.max(highest, number)
    if (message.content !== line.content || message.senderId !== line.senderId) findings.changed.push(number)
  }
  findings.lost.push(...expected.flatMap(({ number }) => (seen.has(number) ? [] : number)))
  return findings
}

function lineOf({ metadata }: Stored): number | undefined {
  return typeof metadata?.line === 'number' ? metadata.line : undefined
}
