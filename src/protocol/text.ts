import { z } from 'zod'

/** What Postgres cannot store as text, and no client means to send: U+0000 and half a surrogate pair. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

const NOT_STORABLE = 'Must not contain U+0000 or a lone surrogate'

/** Text of at most `most` Unicode code points that can be stored as it is. */
export function text(most: number, tooLong = `Must be at most ${most} characters`) {
  return z
    .string()
    .superRefine((value, context) => {
      if (value.length > most && codePoints(value) > most) {
        context.addIssue({ code: 'custom', message: tooLong })
      } else if (!isStorable(value)) {
        context.addIssue({ code: 'custom', message: NOT_STORABLE })
      }
    })
    .meta({ maxLength: most })
}

/** Text that says something: as `text`, and not only white space. */
export function spokenText(most: number, empty: string, tooLong?: string) {
  return text(most, tooLong).refine((value) => value.trim() !== '', { error: empty })
}

function codePoints(value: string): number {
  let count = 0
  for (const _ of value) count += 1
  return count
}

/** utf8Bytes is how many bytes the text takes as UTF-8. */
export function utf8Bytes(value: string): number {
  let bytes = 0
  for (const character of value) {
    const point = character.codePointAt(0) ?? 0
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
  }
  return bytes
}
