import { LIMITS } from '../../../protocol/limits.ts'
import type { ArchiveLine } from './archive.ts'

/** The archivist takes part in every group and owns it, so that one reader can verify all. */
export const ARCHIVIST = 0
const MOST_OTHERS = LIMITS.groupParticipants - 1

/** PlannedLine is a line with the voice that says it: `ARCHIVIST`, or the number of a user from 1. */
export interface PlannedLine extends ArchiveLine {
  readonly voice: number
}

/** Topic is a group to be. */
export interface Topic {
  /** As the archive spells it: what tells it from others. */
  readonly key: string
  /** For people to read. */
  readonly name: string
  readonly lines: readonly PlannedLine[]
  /** Who takes part beside the archivist. */
  readonly voices: ReadonlySet<number>
}

export interface Plan {
  readonly topics: readonly Topic[]
  readonly authors: number
  /** Users beside the archivist; fewer than authors when they have to share. */
  readonly users: number
}

/**
 * createPlan says who says what where. Authors get users in the order in which they appear, and share them in turn
 * when there are more than `mostUsers`; a topic's first 299 users take part in its group, and the archivist speaks
 * for the rest. A plan of more lines of the same archive begins like the plan of fewer.
 */
export function createPlan(lines: readonly ArchiveLine[], mostUsers: number): Plan {
  const authors = new Map<number, number>()
  const topics = new Map<string, { key: string; name: string; lines: PlannedLine[]; voices: Set<number> }>()
  for (const line of lines) {
    const place = authors.get(line.author) ?? authors.size
    authors.set(line.author, place)
    const { topic: key } = line
    const topic = topics.get(key) ?? { key, name: toName(key), lines: [], voices: new Set() }
    topics.set(key, topic)
    const user = 1 + (place % mostUsers)
    if (topic.voices.size < MOST_OTHERS) topic.voices.add(user)
    topic.lines.push({ ...line, voice: topic.voices.has(user) ? user : ARCHIVIST })
  }
  return { topics: [...topics.values()], authors: authors.size, users: Math.min(authors.size, mostUsers) }
}

/** Topics are URL-escaped, by `%20` or, as Zulip does it, by `.20`. One that is not stands as it is. */
function toName(topic: string): string {
  const name = decode(topic.replaceAll(/\.(?=[0-9A-F]{2})/g, '%')) ?? decode(topic) ?? topic
  const spoken = name.trim() === '' ? '(no name)' : name
  const points = [...spoken]
  const { nameCharacters } = LIMITS
  return points.length > nameCharacters ? `${points.slice(0, nameCharacters - 1).join('')}…` : spoken
}

/** undefined when that makes no text that a name may have. */
function decode(text: string): string | undefined {
  try {
    const plain = decodeURIComponent(text)
    return /\p{Cc}/u.test(plain) ? undefined : plain
  } catch {
    return undefined
  }
}
