import { Webhook } from 'standardwebhooks'
import { z } from 'zod'
import { Broken } from './claims.ts'
import { until } from './until.ts'

/** Milliseconds that a push or webhook may take: delays, windows and retries as a deployment sets them. */
const PATIENCE = 90_000

/** Hook is one request as it came. */
export interface Hook {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
  /** It was answered with success. */
  readonly isTaken: boolean
}

/** Hooks is where the deployment sends its pushes and webhooks: a place of the run's own. */
export interface Hooks {
  /** The deployment's `WEBHOOK_SECRET`. */
  readonly secret: string
  readonly received: readonly Hook[]
  /** Answers 500 from now on, or no more. */
  refuse(isRefused: boolean): void
}

const Push = z.object({
  type: z.literal('push'),
  data: z.object({
    ...{ title: z.string(), body: z.string(), link: z.string() },
    ...{ chatId: z.string(), messageId: z.string(), userId: z.string(), unread: z.int() },
  }),
})
const Event = z.object({
  type: z.string(),
  data: z.looseObject({ chatId: z.string(), seq: z.int() }),
})
type Of<T> = T & { readonly id: string; readonly isTaken: boolean }

/** Mail is what has come to the hooks, each with a signature that is good. */
export class Mail {
  readonly #hooks: Hooks

  constructor(hooks: Hooks) {
    this.#hooks = hooks
  }

  refuse(isRefused: boolean): void {
    this.#hooks.refuse(isRefused)
  }

  pushesTo(userId: string): Of<z.infer<typeof Push>>[] {
    return this.#all(Push).filter(({ data }) => data.userId === userId)
  }

  eventsOf(chatId: string): Of<z.infer<typeof Event>>[] {
    return this.#all(Event).filter(({ data }) => data.chatId === chatId)
  }

  /** Waits for so many, and gives all that came. */
  async wait<T>(ask: () => T[], count: number, what: string): Promise<T[]> {
    const found = await until(
      async () => ask(),
      ({ length }) => length >= count,
      PATIENCE,
    )
    if (found.length < count) throw new Broken(`Of ${count} ${what} ${found.length} came`)
    return found
  }

  #all<T>(schema: z.ZodType<T>): Of<T>[] {
    return this.#hooks.received.flatMap(({ headers, text, isTaken }) => {
      const id = headers['webhook-id']
      if (typeof id !== 'string') return []
      const { data } = schema.safeParse(this.#open(headers, text))
      return data === undefined ? [] : [{ ...data, id, isTaken }]
    })
  }

  #open(headers: Hook['headers'], text: string): unknown {
    try {
      return new Webhook(this.#hooks.secret).verify(text, headers as Record<string, string>)
    } catch (error) {
      throw new Broken(`A webhook came that does not verify: ${error}`)
    }
  }
}
