import type { OpenAPIHono } from '@hono/zod-openapi'
import { Hono } from 'hono'
import { html } from 'hono/html'
import type { AsyncApi } from '../../protocol/asyncapi.ts'
import { refuse } from '../../protocol/errors.ts'
import type { AppDeps, AppEnv } from '../deps.ts'
import { toPage } from './page.ts'
import { socketPage } from './socket-page.ts'

/** The documents as the service tells them of itself. */
export interface Documents {
  openApi(): ReturnType<OpenAPIHono['getOpenAPI31Document']>
  asyncApi(): AsyncApi
}

const restPage = () =>
  toPage({
    title: 'REST',
    path: '/docs',
    head: html`<link rel="stylesheet" href="/docs/swagger-ui.css">`,
    main: html`<div id="rest"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/reference.js"></script>`,
  })

/** referenceRoutes serve the two documents and the pages to read them, which load nothing from elsewhere. */
export function referenceRoutes({ asset }: AppDeps, documents: Documents) {
  return new Hono<AppEnv>()
    .get('/openapi.json', (context) => context.json(documents.openApi()))
    .get('/asyncapi.json', (context) => context.json(documents.asyncApi()))
    .get('/docs', (context) => context.html(restPage()))
    .get('/docs/socket', (context) => context.html(socketPage(documents.asyncApi())))
    .get('/docs/:file', async (context) => {
      const found = await asset(context.req.param('file'))
      if (!found) return refuse('NOT_FOUND', 'No such page')
      return context.body(found.body, 200, {
        'Content-Type': found.contentType,
        'Cache-Control': 'public, max-age=3600',
      })
    })
}
