import type { PlannedLine, Topic } from './plan.ts'

/** Lines that are searched for. */
export const SAMPLES = 20
/** In the whole archive, so that a search for the word is short. */
const MOST_OCCURRENCES = 20
/** Between white space, so that every text search takes it for one word; no markup, which some take for a tag. */
const WORD = /(?<=^|\s)\p{L}{4,30}(?=\s|$)/gu

/** Sample is a word by which a line has to be found. */
export interface Sample {
  readonly word: string
  readonly line: PlannedLine
}

/** sampleWords picks lines with a rare word from all over an archive, and of each the rarest. */
export function sampleWords(topics: readonly Topic[]): Sample[] {
  const lines = topics.flatMap((topic) => topic.lines).sort((a, b) => a.number - b.number)
  const counts = new Map<string, number>()
  for (const line of lines) for (const word of wordsOf(line)) counts.set(word, (counts.get(word) ?? 0) + 1)
  const countOf = (word: string) => counts.get(word) ?? 0
  const samples = lines.flatMap((line) => {
    const [word] = [...wordsOf(line)].sort((a, b) => countOf(a) - countOf(b))
    return word !== undefined && countOf(word) <= MOST_OCCURRENCES ? [{ word, line }] : []
  })
  const step = Math.max(1, samples.length / SAMPLES)
  return samples.filter((_, index) => Math.floor(index / step) > Math.floor((index - 1) / step))
}

function wordsOf({ content }: PlannedLine): Set<string> {
  if (content.includes('<')) return new Set()
  return new Set(Array.from(content.matchAll(WORD), ([word]) => word.toLowerCase()))
}
