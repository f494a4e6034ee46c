import { Hono } from 'hono'
import { html } from 'hono/html'
import type { AsyncApi } from '../../protocol/asyncapi.ts'
import { refuse } from '../../protocol/errors.ts'
import type { AppDeps, AppEnv, Asset } from '../deps.ts'
import { toPage } from './page.ts'
import { socketPage } from './socket-page.ts'

const DOCUMENTS = ['openapi.json', 'asyncapi.json'] as const

const restPage = () =>
  toPage({
    title: 'REST',
    path: '/docs',
    head: html`<link rel="stylesheet" href="/docs/swagger-ui.css">`,
    main: html`<div id="rest"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/reference.js"></script>`,
  })

/**
 * referenceRoutes serve the two generated documents and the pages to read them, which load nothing from elsewhere.
 */
export function referenceRoutes({ asset }: AppDeps) {
  const find = async (name: string): Promise<Asset> =>
    (await asset(name)) ?? refuse('NOT_FOUND', 'No such page')

  const app = new Hono<AppEnv>()
  for (const name of DOCUMENTS) {
    app.get(`/${name}`, async (context) => {
      const { body, contentType } = await find(name)
      return context.body(body, 200, { 'Content-Type': contentType })
    })
  }
  return app
    .get('/docs', (context) => context.html(restPage()))
    .get('/docs/socket', async (context) => {
      const { body } = await find('asyncapi.json')
      return context.html(socketPage(JSON.parse(new TextDecoder().decode(body)) as AsyncApi))
    })
    .get('/docs/:file', async (context) => {
      const { body, contentType } = await find(context.req.param('file'))
      return context.body(body, 200, { 'Content-Type': contentType, 'Cache-Control': 'public, max-age=3600' })
    })
}
