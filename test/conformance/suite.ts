import { afterAll, beforeAll, describe, test } from 'vitest'
import { Skipped } from '../../src/conformance/claims.ts'
import type { Context } from '../../src/conformance/context.ts'
import { openContext, runRule, selectRules } from '../../src/conformance/run.ts'
import { type Server, type ServerOptions, startServer } from '../support/server.ts'

/** Longest that a rule may take: those that fill chats wait for a database on a busy machine. */
const PATIENCE = 60_000

/** SuiteStart is a running service to hold against the rules, and how to be rid of it. */
export interface SuiteStart {
  readonly options?: () => Promise<ServerOptions>
  readonly after?: () => Promise<void>
}

/** testProtocol makes one test of each rule, named by its number, against a real service on one kind of store. */
export function testProtocol(store: string, { options = async () => ({}), after }: SuiteStart): void {
  const open = selectRules({})
  const limited = selectRules({ limits: true }).filter((rule) => !open.includes(rule))
  testRules(`the protocol on ${store}`, { rules: open, start: async () => startServer(await options()) })
  testRules(`the protocol on ${store}, with rate limits`, {
    rules: limited,
    start: async () => startServer({ ...(await options()), env: { RATE_LIMITS: 'on' } }),
  })
  afterAll(async () => after?.())
}

function testRules(
  name: string,
  { rules, start }: { rules: ReturnType<typeof selectRules>; start: () => Promise<Server> },
): void {
  describe(name, () => {
    let server: Server | undefined
    let context: Context
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32)

    beforeAll(async () => {
      server = await start()
      context = openContext({ url: server.url, seed })
      process.stdout.write(`${name}: seed ${seed}\n`)
    })
    afterAll(async () => server?.stop())

    test.each(rules.map((rule) => [`${rule.number} ${rule.title}`, rule] as const))(
      '%s',
      async (_, rule) => {
        await runRule(rule, context).catch((error: unknown) => {
          // Here nothing is skipped: what a deployment may choose is chosen by these tests.
          if (error instanceof Skipped) throw new Error(`Skipped: ${error.message}`)
          throw error
        })
      },
      PATIENCE,
    )
  })
}
