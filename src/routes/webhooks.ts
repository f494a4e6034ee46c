import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { listPastMarks, listPastMessages, type PastEvent, stepBefore } from '../db/queries/webhooks.ts'
import { refuse } from '../protocol/errors.ts'
import { Replayed, ReplayWebhooksBody } from '../protocol/push.ts'
import { body, json } from './answers.ts'
import type { AppDeps, AppEnv } from './deps.ts'
import { refuseInvalid } from './refusals.ts'

/** Messages of one request. */
const MOST = 500

const replay = createRoute({
  method: 'post',
  path: '/replay',
  operationId: 'replayWebhooks',
  summary: `Send what came after a seq of a chat to all endpoints again, up to ${MOST} messages; for administrators`,
  tags: ['Operation'],
  request: { body: body(ReplayWebhooksBody) },
  responses: { 202: json(Replayed, 'On their way, with the ids of the first time') },
})

/** webhookRoutes is for endpoints that have lost something. */
export function webhookRoutes({ config, db, jobs }: AppDeps) {
  const { WEBHOOK_URLS: urls, WEBHOOK_EVENTS: events } = config
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid }).openapi(replay, async (context) => {
    const { chatId, since } = context.req.valid('json')
    if (urls.length === 0) refuse('CONFLICT', 'There is no endpoint: set WEBHOOK_URLS')
    const found = await listPastMessages(db, { chatId, since, limit: MOST + 1 })
    const messages = found.slice(0, MOST)
    const hasMore = found.length > MOST
    const marks = events.includes('receipt') && !hasMore ? await listPastMarks(db, chatId, since) : []
    const steps = events.includes('session') ? messages.flatMap(stepBefore) : []
    const told = messages.map(({ step: _, ...message }) => message)
    const past: PastEvent[] = [...told, ...steps.filter(({ seq }) => seq > since), ...marks]
    await jobs.add(
      past.flatMap((event) => urls.map((url) => ({ kind: 'webhook', payload: { ...event, chatId, url } }))),
    )
    return context.json({ events: past.length, next: hasMore ? (messages.at(-1)?.seq ?? null) : null }, 202)
  })
}
