import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { searchMessages } from '../db/queries/search.ts'
import { MessageSearchQuery, SearchResults } from '../protocol/rest.ts'
import { json } from './answers.ts'
import { type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { limitUser } from './guards.ts'
import { refuseInvalid } from './refusals.ts'

const search = createRoute({
  method: 'get',
  path: '/search',
  operationId: 'searchMessages',
  summary: "Find words in the messages of one's chats, the newest first",
  description: 'Words in quotes stand together, a hyphen before a word leaves it out, `or` is or.',
  tags: ['Messages'],
  request: { query: MessageSearchQuery },
  responses: { 200: json(SearchResults, 'A page of hits, marked') },
})

export function searchRoutes(deps: AppDeps) {
  const { db, config } = deps
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  app.use('/search', limitUser(deps, 'search'))
  return app.openapi(search, async (context) => {
    const wanted = { userId: principalOf(context).user.id, ...context.req.valid('query') }
    return context.json(await searchMessages(db, wanted, config.SEARCH_LANGUAGE), 200)
  })
}
