import { Skipped } from './claims.ts'
import { Context } from './context.ts'
import type { Hooks } from './hooks.ts'
import type { Credentials } from './person.ts'
import { Rest } from './rest.ts'
import type { ProtocolRule } from './rule.ts'
import { PROTOCOL_RULES } from './rules/all.ts'

export interface RuleResult {
  readonly number: string
  readonly title: string
  readonly status: 'passed' | 'failed' | 'skipped'
  /** Why it failed or was skipped. */
  readonly message: string | undefined
  readonly milliseconds: number
}

export interface ConformanceOptions {
  /** Of the deployment: `https://chat.example.org`. */
  readonly url: string
  /** Rules to run, by number (`3.4`) or section (`3`); all when left out. */
  readonly only?: readonly string[]
  /** Up to two accounts to use; the others, or all, are registered. */
  readonly users?: readonly Credentials[]
  /** Decides what is random, so that a failure can be had again. */
  readonly seed?: number
  /** An access token of an administrator: without it the rules that need agents are left out. */
  readonly adminToken?: string
  /** Where the deployment sends pushes and webhooks: without it the rules about them are left out. */
  readonly hooks?: Hooks | undefined
  /** Rules that exceed rate limits keep this machine's address limited for up to 15 minutes. */
  readonly limits?: boolean
  readonly onResult?: (result: RuleResult) => void
}

/** openContext makes ready what rules run in. */
export function openContext({
  url,
  users = [],
  seed = Date.now() % 2 ** 32,
  adminToken,
  hooks,
}: ConformanceOptions): Context {
  return new Context({ rest: new Rest(url), seed, users, adminToken, hooks })
}

/** selectRules gives the rules that the options ask for. */
export function selectRules({
  only,
  limits = false,
  adminToken,
  hooks,
}: Omit<ConformanceOptions, 'url'>): ProtocolRule[] {
  const isThere = { limits, admin: adminToken !== undefined, hooks: hooks !== undefined }
  const isPossible = ({ needs }: ProtocolRule) => needs === undefined || isThere[needs]
  const isWanted = ({ number }: ProtocolRule) =>
    only === undefined || only.some((wanted) => number === wanted || number.startsWith(`${wanted}.`))
  return PROTOCOL_RULES.filter((rule) => isWanted(rule) && isPossible(rule))
}

/** runRule runs one rule, and ends what it left open. Rejects with why the service breaks it, or why it was skipped. */
export async function runRule(rule: ProtocolRule, context: Context): Promise<void> {
  try {
    await rule.run(context)
  } catch (error) {
    await context.closeSockets().catch(() => {})
    throw error
  }
  await context.closeSockets()
}

/**
 * runConformance holds a deployment against the rules of the protocol, one after another. Rejects when there is no
 * service at the address, or none that gets ready.
 */
export async function runConformance(options: ConformanceOptions): Promise<RuleResult[]> {
  const context = openContext(options)
  await context.rest.untilReady()
  const results: RuleResult[] = []
  for (const rule of selectRules(options)) {
    const begun = Date.now()
    const { status, message } = await outcomeOf(rule, context)
    const { number, title } = rule
    const result = { number, title, status, message, milliseconds: Date.now() - begun }
    results.push(result)
    options.onResult?.(result)
  }
  return results
}

async function outcomeOf(
  rule: ProtocolRule,
  context: Context,
): Promise<Pick<RuleResult, 'status' | 'message'>> {
  try {
    await runRule(rule, context)
    return { status: 'passed', message: undefined }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { status: error instanceof Skipped ? 'skipped' : 'failed', message }
  }
}
