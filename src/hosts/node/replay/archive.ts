import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { z } from 'zod'
import { SendBody } from '../../../protocol/commands.ts'
import { LIMITS } from '../../../protocol/limits.ts'

const NEWLINE = 0x0a
const GZIP = [0x1f, 0x8b]
/** What a frame has around the words: ids, metadata, names. */
const ENVELOPE_BYTES = 1_024
/** A UUIDv7 holds a time in 48 bits of milliseconds. */
const LAST_SECOND = 2 ** 48 / 1_000

const Row = z.object(
  {
    t: z.number('t must be unix seconds').min(0, 't must not be negative').lt(LAST_SECOND, 't is too late'),
    u: z.int('u must be a whole number'),
    p: z.string('p must be text').min(1, 'p must not be empty'),
    c: z.string('c must be text'),
  },
  'must be a JSON object',
)

/** ArchiveLine is one message of an archive. */
export interface ArchiveLine {
  /** Of the line in the file, from 1. */
  readonly number: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly author: number
  /** As the archive spells it. */
  readonly topic: string
  readonly content: string
}

/** SkippedLine is one that cannot be a message, and why. */
export interface SkippedLine {
  readonly number: number
  readonly reason: string
}

export interface Archive {
  /** SHA-256 of the file as it is. */
  readonly digest: string
  readonly lines: readonly ArchiveLine[]
  readonly skipped: readonly SkippedLine[]
}

/** readArchive reads the first `limit` lines of a file, packed with gzip or not. Rejects when it cannot be read. */
export async function readArchive(path: string, limit = Number.POSITIVE_INFINITY): Promise<Archive> {
  const lines: ArchiveLine[] = []
  const skipped: SkippedLine[] = []
  let number = 0
  for await (const bytes of splitLines(await openArchive(path))) {
    if (number >= limit) break
    number += 1
    const line = parseLine(bytes, number)
    if ('reason' in line) skipped.push(line)
    else lines.push(line)
  }
  return { digest: await digestOf(path), lines, skipped }
}

async function openArchive(path: string): Promise<AsyncIterable<Buffer>> {
  const file = await open(path)
  const { buffer } = await file.read(Buffer.alloc(GZIP.length), 0, GZIP.length, 0)
  await file.close()
  const bytes = createReadStream(path)
  if (!GZIP.every((byte, index) => buffer[index] === byte)) return bytes
  const unzip = createGunzip()
  // A fault of either ends the other, and comes to whoever reads.
  pipeline(bytes, unzip).catch(() => {})
  return unzip
}

/** At LF alone: U+2028 and its like, which other splitters take for the end of a line, may stand in JSON. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  for await (const chunk of chunks) {
    let begin = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, begin)) {
      yield Buffer.concat([...rest, chunk.subarray(begin, end)])
      rest = []
      begin = end + 1
    }
    rest.push(chunk.subarray(begin))
  }
  const last = Buffer.concat(rest)
  if (last.length > 0) yield last
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function parseLine(bytes: Buffer, number: number): ArchiveLine | SkippedLine {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(bytes))
  } catch (error) {
    return { number, reason: error instanceof SyntaxError ? 'not JSON' : 'not UTF-8' }
  }
  const row = Row.safeParse(value)
  if (!row.success) return { number, reason: firstIssue(row.error) }
  const { t, u: author, p: topic, c: content } = row.data
  const message = SendBody.safeParse({ content })
  if (!message.success) return { number, reason: firstIssue(message.error) }
  if (Buffer.byteLength(JSON.stringify(content)) > LIMITS.frameBytes - ENVELOPE_BYTES)
    return { number, reason: `longer than a frame of ${LIMITS.frameBytes} bytes` }
  return { number, at: Math.round(t * 1_000), author, topic, content }
}

function firstIssue({ issues }: z.ZodError): string {
  return issues[0]?.message ?? 'not a message'
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
