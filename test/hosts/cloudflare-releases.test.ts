import { expect, test } from 'vitest'
import { openContext, runRule, selectRules } from '../../src/conformance/run.ts'
import { type MixedServer, type Release, startMixed } from '../support/releases.ts'

const CALLS = 'src/hosts/cloudflare/calls.ts'
const SPOKEN = 'const SPOKEN = 1\n'
const TAKEN = 'const TAKEN = [SPOKEN]\n'
const TAKE = 'if (TAKEN.includes(call.version)) return call\n'
const TAKE_BOTH = `if (call.version === 2) return (call as unknown as { body: T }).body
  if (call.version === 1) return call
`
const SPEAK = 'return { ...call, version: SPOKEN }\n'
const SPEAK_NEW = 'return { version: SPOKEN, body: call } as unknown as Call<T>\n'
const TAKEN_BOTH = 'const TAKEN = [1, 2]\n'

/** What is there today. */
const TODAY: Release = {}
/** It brings another form of every call there is, takes both, and speaks the old one. */
const NEXT: Release = {
  [CALLS]: [
    [TAKEN, TAKEN_BOTH],
    [TAKE, TAKE_BOTH],
  ],
}
/** It speaks the new form. */
const AFTER: Release = {
  [CALLS]: [
    [SPOKEN, 'const SPOKEN = 2\n'],
    [TAKEN, TAKEN_BOTH],
    [TAKE, TAKE_BOTH],
    [SPEAK, SPEAK_NEW],
  ],
}

/**
 * By socket, by subprotocol and by ticket; sends and what others hear of them; typing and who is there; leaving a chat, a
 * block and a new name, of which rooms and gateways tell each other; logins, whose failures a gateway counts.
 */
const RULES = ['1.1', '1.2', '1.3', '3.1', '3.2', '6.1', '6.8', '7.12', '9.7', '9.9', '10.3']

const REFUSED = 'A call of version'

test.each([
  ['today and the next one', TODAY, NEXT],
  ['the next one and today', NEXT, TODAY],
  ['the next one and the one after it', NEXT, AFTER],
  ['the one after it and the next one', AFTER, NEXT],
])('two releases serve at once, one the gateways: %s', async (_, app, gateways) => {
  const server = await startMixed(app, gateways)
  try {
    await isWhole(server)
    expect(server.output.filter((line) => line.includes(REFUSED))).toEqual([])
  } finally {
    await server.stop()
  }
})

test('what lies two releases back is refused', async () => {
  const server = await startMixed(TODAY, AFTER)
  try {
    await expect(isWhole(server)).rejects.toThrow()
    expect(server.output.join('\n')).toContain(REFUSED)
  } finally {
    await server.stop()
  }
})

async function isWhole({ url }: MixedServer): Promise<void> {
  const context = openContext({ url })
  await context.rest.untilReady()
  for (const rule of selectRules({ only: RULES })) await runRule(rule, context)
}
