import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { CLOSES } from '../../src/protocol/errors.ts'
import { ClientFrame, ServerFrame } from '../../src/protocol/frames.ts'
import { PROTOCOL_HISTORY, PROTOCOL_VERSION, SUBPROTOCOL } from '../../src/protocol/version.ts'

/** What the wire of each version hashes to; only the last one can be checked. */
const PINNED = { version: 3, hash: '629a92010fdc33f9' }

/** Words for people, which a client does not depend on. */
const PROSE = new Set(['description', 'title', 'examples'])

test('the wire changes only with its version', () => {
  const message = `The wire has changed (its hash is now ${hashOfWire()}).
If version ${PINNED.version} was ever released, raise PROTOCOL_VERSION and add what clients have to know to
PROTOCOL_HISTORY (src/protocol/version.ts). Then pin the new version and hash here.`
  expect({ version: PROTOCOL_VERSION, hash: hashOfWire() }, message).toEqual(PINNED)
})

test('every version up to this one is told in the history', () => {
  expect(PROTOCOL_HISTORY.map(({ version }) => version)).toEqual(
    Array.from({ length: PROTOCOL_VERSION }, (_, index) => index + 1),
  )
  for (const { date, change } of PROTOCOL_HISTORY) {
    expect(Number.isNaN(Date.parse(date))).toBe(false)
    expect(change).not.toBe('')
  }
})

test('the documentation names this version', () => {
  const text = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8')
  expect(text).toContain(`\`hello.protocolVersion\` is ${PROTOCOL_VERSION}.`)
})

test('a hash is of the shape of the wire, not of its words', () => {
  const plain = z.toJSONSchema(z.object({ type: z.literal('ping'), description: z.string() }))
  const told = z.toJSONSchema(
    z.object({ type: z.literal('ping'), description: z.string().describe('Free text') }).describe('A ping'),
  )
  const other = z.toJSONSchema(z.object({ type: z.literal('ping'), description: z.int() }))
  expect(hashOf(told)).toBe(hashOf(plain))
  expect(hashOf(other)).not.toBe(hashOf(plain))
})

function hashOfWire(): string {
  return hashOf({
    subprotocol: SUBPROTOCOL,
    up: z.toJSONSchema(ClientFrame, { io: 'input' }),
    down: z.toJSONSchema(ServerFrame, { io: 'output' }),
    closes: CLOSES,
  })
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 16)
}

/** JSON with its keys in order and without prose. A property that is named as prose is stays: its value is a schema. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    const entries = Object.entries(inner).filter(([key, it]) => !PROSE.has(key) || isSchema(it))
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
