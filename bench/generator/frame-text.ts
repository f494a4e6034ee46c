/** Digits of a message's index in its content; the filler follows. */
const DIGITS = 8
const MARK = 0x7e // ~
const ZERO = 0x30
const CONTENT = Buffer.from('"content":"~')
/** How far from where it was last time a field is looked for by hand before the whole frame is searched. */
const NEAR = 4

/** toContent is what a load client sends: the message's index between tildes, then words. */
export function toContent(index: number, words: string): string {
  return `~${String(index).padStart(DIGITS, '0')}~ ${words}`
}

/** indexOfContent reads the index back; undefined for a message that no load client sent. */
export function indexOfContent(content: string): number | undefined {
  return /^~\d{8}~/.test(content) ? Number(content.slice(1, DIGITS + 1)) : undefined
}

/** createIndexReader finds the index in an encoded message, mostly without a search: frames resemble each other. */
export function createIndexReader(): (buffer: Buffer, start: number, end: number) => number {
  let usual = 0
  return (buffer, start, end) => {
    for (let offset = usual - NEAR; offset <= usual + NEAR; offset++) {
      const at = start + offset
      if (buffer[at] === MARK && buffer[at + DIGITS + 1] === MARK) return readDigits(buffer, at + 1)
    }
    const found = buffer.indexOf(CONTENT, start, 'latin1')
    if (found === -1 || found >= end) throw new Error(`No index in ${buffer.toString('latin1', start, end)}`)
    const at = found + CONTENT.length
    usual = at - 1 - start
    return readDigits(buffer, at)
  }
}

/** readDigits reads the whole number that begins there. */
export function readDigits(buffer: Buffer, at: number): number {
  let value = 0
  for (let next = at; ; next++) {
    const digit = (buffer[next] ?? 0) - ZERO
    if (digit < 0 || digit > 9) return value
    value = value * 10 + digit
  }
}
