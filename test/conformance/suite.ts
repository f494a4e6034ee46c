import { afterAll, beforeAll, describe, test } from 'vitest'
import { Skipped } from '../../src/conformance/claims.ts'
import type { Context } from '../../src/conformance/context.ts'
import type { Hooks } from '../../src/conformance/hooks.ts'
import type { ProtocolRule } from '../../src/conformance/rule.ts'
import { openContext, runRule, selectRules } from '../../src/conformance/run.ts'
import { createProvider, type Provider } from '../../src/hosts/node/faults/servers/provider.ts'
import type { Server } from '../support/server.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'

const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const NO_HOOKS: Hooks = { secret: '', received: [], refuse() {} }
const isOfHooks = ({ number }: ProtocolRule) => number.startsWith('18.')

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
  const possible = selectRules({ adminToken: '', hooks: NO_HOOKS })
  const seen = possible.filter(({ number }) => unseen[number] === undefined)
  const open = seen.filter((rule) => !isOfHooks(rule))
  const limited = selectRules({ limits: true }).filter(({ needs }) => needs === 'limits')
  testRules(`the protocol on ${store}`, {
    rules: open,
    start: () => start({ DJANGO_JWT_SECRET: DJANGO_SECRET }),
  })
  testRules(`the protocol on ${store}, with pushes and webhooks`, {
    rules: seen.filter(isOfHooks),
    start: ({ url }) => start({ DJANGO_JWT_SECRET: DJANGO_SECRET, ...outgoing(url) }),
  })
  testRules(`the protocol on ${store}, with rate limits`, {
    rules: limited,
    start: () => start({ RATE_LIMITS: 'on' }),
  })
  afterAll(async () => after?.())
}

function testRules(
  name: string,
  { rules, start }: { rules: ReturnType<typeof selectRules>; start: (to: Provider) => Promise<Deployment> },
): void {
  describe(name, () => {
    let server: Deployment | undefined
    let provider: Provider | undefined
    let context: Context
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32)

    beforeAll(async () => {
      const to = await createProvider()
      provider = to
      server = await start(to)
      const exp = Math.floor(Date.now() / 1_000) + 7_200
      const adminToken = await djangoToken(Date.now(), { user_id: 'root', user_type: 'admin', exp })
      context = openContext({ url: server.url, seed, adminToken, hooks: toHooks(to) })
      process.stdout.write(`${name}: seed ${seed}\n`)
    })
    afterAll(async () => {
      await server?.stop()
      await provider?.close()
    })

    test.each(rules.map((rule) => [`${rule.number} ${rule.title}`, rule] as const))('%s', async (_, rule) => {
      await runRule(rule, context).catch((error: unknown) => {
        // Here nothing is skipped: what a deployment may choose is chosen by these tests.
        if (error instanceof Skipped) throw new Error(`Skipped: ${error.message}`)
        throw error
      })
    })
  })
}

/** Everything that goes out goes to the provider; delays are short, so that a run does not last for minutes. */
function outgoing(url: string): Readonly<Record<string, string>> {
  return {
    ...{ ONESIGNAL_APP_ID: 'app', ONESIGNAL_API_KEY: 'key', ONESIGNAL_URL: `${url}/onesignal` },
    ...{ PUSH_WEBHOOK_URL: `${url}/pushes`, WEBHOOK_URLS: `${url}/events`, WEBHOOK_SECRET },
    ...{ PRIVATE_ADDRESSES: 'allow', PUSH_DELAY_SECONDS: '2', PUSH_COLLAPSE_SECONDS: '3' },
    JOB_RETRY_SECONDS: '1',
  }
}

function toHooks(provider: Provider): Hooks {
  return {
    secret: WEBHOOK_SECRET,
    received: provider.received,
    refuse(isRefused) {
      provider.mood = isRefused ? 'broken' : 'well'
    },
  }
}
