import type { PlannedLine, Topic } from './plan.ts'

/** Lines that are searched for. */
export const SAMPLES = 20
/** Between white space, so that every text search takes it for one word; no markup, which some take for a tag. */
const WORD = /(?<=^|\s)\p{L}{4,30}(?=\s|$)/gu

/** Sample is a word by which a line has to be found. */
export interface Sample {
  readonly word: string
  readonly line: PlannedLine
}

/** sampleWords picks lines from all over an archive, and of each the word that is rarest in all of them. */
export function sampleWords(topics: readonly Topic[]): Sample[] {
  const lines = topics.flatMap((topic) => topic.lines).sort((a, b) => a.number - b.number)
  const counts = new Map<string, number>()
  for (const line of lines) for (const word of wordsOf(line)) counts.set(word, (counts.get(word) ?? 0) + 1)
  const countOf = (word: string) => counts.get(word) ?? 0
  const speaking = lines.filter((line) => wordsOf(line).size > 0)
  const step = Math.max(1, speaking.length / SAMPLES)
  return Array.from({ length: Math.min(SAMPLES, speaking.length) }, (_, index) => {
    const line = speaking[Math.floor(index * step)]
    const [word] = line ? [...wordsOf(line)].sort((a, b) => countOf(a) - countOf(b)) : []
    return line && word !== undefined ? [{ word, line }] : []
  }).flat()
}

function wordsOf({ content }: PlannedLine): Set<string> {
  if (content.includes('<')) return new Set()
  return new Set(Array.from(content.matchAll(WORD), ([word]) => word.toLowerCase()))
}
