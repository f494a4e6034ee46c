import { afterAll, beforeAll, describe, test } from 'vitest'
import { Skipped } from '../../src/conformance/claims.ts'
import type { Context } from '../../src/conformance/context.ts'
import { openContext, runRule, selectRules } from '../../src/conformance/run.ts'
import type { Server } from '../support/server.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'

/** Longest that a rule may take: those that fill chats wait for a database on a busy machine. */
const PATIENCE = 60_000

type Deployment = Pick<Server, 'url' | 'stop'>

/** SuiteStart is how to start a service to hold against the rules, and how to be rid of what it needed. */
export interface SuiteStart {
  readonly start: (env: Readonly<Record<string, string>>) => Promise<Deployment>
  readonly after?: () => Promise<void>
  /** Rules that cannot be seen there, by their numbers, and why. */
  readonly unseen?: Readonly<Record<string, string>>
}

/** testProtocol makes one test of each rule, named by its number, against a real service on one kind of store. */
export function testProtocol(store: string, { start, after, unseen = {} }: SuiteStart): void {
  const open = selectRules({ adminToken: '' }).filter(({ number }) => unseen[number] === undefined)
  const limited = selectRules({ limits: true }).filter(({ needs }) => needs === 'limits')
  testRules(`the protocol on ${store}`, {
    rules: open,
    start: () => start({ DJANGO_JWT_SECRET: DJANGO_SECRET }),
  })
  testRules(`the protocol on ${store}, with rate limits`, {
    rules: limited,
    start: () => start({ RATE_LIMITS: 'on' }),
  })
  afterAll(async () => after?.())
}

function testRules(
  name: string,
  { rules, start }: { rules: ReturnType<typeof selectRules>; start: () => Promise<Deployment> },
): void {
  describe(name, () => {
    let server: Deployment | undefined
    let context: Context
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32)

    beforeAll(async () => {
      server = await start()
      const exp = Math.floor(Date.now() / 1_000) + 7_200
      const adminToken = await djangoToken(Date.now(), { user_id: 'root', user_type: 'admin', exp })
      context = openContext({ url: server.url, seed, adminToken })
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
