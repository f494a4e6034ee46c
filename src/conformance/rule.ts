import type { Context } from './context.ts'

/** ProtocolRule is one numbered rule of `docs/protocol.md`, and a run that fails where a service breaks it. */
export interface ProtocolRule {
  readonly number: string
  readonly title: string
  /**
   * Runs only where this is so: rate limits that are on are found by exceeding them; an admin makes users agents;
   * pushes and webhooks come to the run.
   */
  readonly needs?: 'limits' | 'admin' | 'hooks'
  run(context: Context): Promise<void>
}
