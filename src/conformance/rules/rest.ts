import { claim, present, same } from '../claims.ts'
import type { Context } from '../context.ts'
import { errorOf, type RestAnswer } from '../rest.ts'
import { ROUTES, type RouteName } from '../routes.ts'
import type { ProtocolRule } from '../rule.ts'

const INVALID = { code: 'VALIDATION_ERROR' } as const
const NOT_FOUND = { code: 'NOT_FOUND' } as const
const BODY_BYTES = 131_072
const ELSEWHERE = 'https://elsewhere.example'
const PUBLIC =
  /^(GET \/health.*|POST \/api\/auth\/(register|login|refresh|logout)|POST \/api\/guests|GET \/api\/avatars\/:id)$/
const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[]

/** What holds for REST as a whole. */
export const rest: ProtocolRule[] = [
  {
    number: '11.1',
    title: 'every route but the public ones needs an access token',
    async run(context) {
      const { ann } = await context.cast()
      for (const route of ROUTE_NAMES.filter((it) => !PUBLIC.test(it))) {
        const request = { params: paramsOf(context), ...(!route.startsWith('GET') && { body: {} }) }
        const answer = await context.rest.send(route, request)
        same([errorOf(answer, route).code, answer.status], ['UNAUTHORIZED', 401], `${route} without a token`)
        claim(/bearer/i.test(answer.headers.get('WWW-Authenticate') ?? ''), `${route} names no way to log in`)
      }
      const wrong = [
        { Authorization: 'Basic YTpi' },
        { Authorization: 'Bearer' },
        { Authorization: `${await ann.token()}` },
      ]
      for (const headers of wrong) {
        await context.rest.refused('GET /api/users/me', { headers }, { code: 'UNAUTHORIZED' })
      }
      await context.rest.refused('GET /api/users/me', { token: ann.refreshToken }, { code: 'UNAUTHORIZED' })
    },
  },
  {
    number: '11.2',
    title: 'a body that is not of its schema is refused, the field named',
    async run(context) {
      const { ann, ben } = await context.cast()
      const token = await ann.token()
      const params = { id: await context.group([ann, ben]) }
      const route = 'POST /api/chats/:id/messages'
      const refuses = (request: object, expected: Parameters<typeof ann.refused>[2]) =>
        context.rest.refused(route, { params, token, ...request }, expected)
      for (const text of ['{', '', 'nonsense', '{"content":"x"', '\u0000']) await refuses({ text }, INVALID)
      for (const body of [null, [], 'text', 7, true]) await refuses({ body }, INVALID)
      const fields = [
        [{ content: 7 }, 'content'],
        [{ content: 'x', chatId: params.id }, 'chatId'],
        [{ content: 'x', id: 'short' }, 'id'],
        [{ content: 'x', mentions: [ben.id, 'nobody'] }, 'mentions.1'],
        [{ content: 'x', formatting: { bold: [[0, 'y']] } }, 'formatting.bold.0.1'],
        [{ content: 'x', metadata: [] }, 'metadata'],
      ] as const
      for (const [body, field] of fields) await refuses({ body }, { ...INVALID, field })
      await refuses({ text: `{"content":"x","metadata":${'['.repeat(9_000)}${']'.repeat(9_000)}}` }, INVALID)
      const unsupported = { code: 'UNSUPPORTED_MEDIA_TYPE' } as const
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
        await refuses({ text: '{"content":"x"}', headers: { 'Content-Type': type } }, unsupported)
      }
      const tooLarge = { code: 'PAYLOAD_TOO_LARGE' } as const
      for (const size of [BODY_BYTES + 1, 1_048_576]) {
        await refuses({ text: JSON.stringify({ content: 'x' }).padEnd(size) }, tooLarge)
      }
      same((await ann.history(params.id)).length, 0, 'The messages')
      const largest = JSON.stringify({ content: 'x' }).padEnd(BODY_BYTES)
      same((await context.rest.send(route, { params, token, text: largest })).status, 201, 'The largest body')
    },
  },
  {
    number: '11.3',
    title: 'what is not there and what one may not see are the same',
    async run(context) {
      const { ann, ben, dan } = await context.cast()
      const id = await context.group([ann, ben])
      const foreign = await dan.refused('GET /api/chats/:id', { params: { id } }, NOT_FOUND)
      const missing = await dan.refused(
        'GET /api/chats/:id',
        { params: { id: context.messageId() } },
        NOT_FOUND,
      )
      same(
        [foreign.message, foreign.details],
        [missing.message, missing.details],
        'The refusal of a foreign chat',
      )
      const token = await ann.token()
      for (const route of [
        'GET /nothing',
        'GET /api/nothing',
        'PATCH /api/chats/:id',
        'POST /api/chats/:id/nothing',
      ]) {
        await context.rest.refused(
          route,
          { params: { id }, token, ...(!route.startsWith('GET') && { body: {} }) },
          NOT_FOUND,
        )
      }
      for (const path of [
        '/../package.json',
        '/docs/../../package.json',
        '/docs/%2e%2e%2fpackage.json',
        '/docs/..%5cx',
      ]) {
        const { status } = await context.rest.send(`GET ${path}`)
        same(status, 404, `The status of ${path}`)
      }
    },
  },
  {
    number: '11.4',
    title: 'ids that are no UUIDs and queries that are not of their schema are refused',
    async run(context) {
      const { ann } = await context.cast()
      const routes = ROUTE_NAMES.filter((route) => route.startsWith('GET') && /:id/.test(route))
      for (const route of routes) {
        for (const id of ['1', 'not-a-uuid', '%00']) {
          const query = route.endsWith('/changes') ? { since: 0 } : {}
          await ann.refused(
            route,
            { params: { ...paramsOf(context), id }, query },
            { ...INVALID, field: 'id' },
          )
        }
      }
      const lists = ['GET /api/chats', 'GET /api/contacts', 'GET /api/contacts/pending'] as const
      for (const route of lists) {
        await ann.refused(route, { query: { limit: 0 } }, { ...INVALID, field: 'limit' })
        await ann.refused(route, { query: { unknown: 1 } }, { ...INVALID, field: 'unknown' })
        await ann.refused(route, { query: { cursor: 'nonsense' } }, { ...INVALID, field: 'cursor' })
      }
    },
  },
  {
    number: '11.5',
    title: 'every answer has a request id of its own',
    async run(context) {
      const { ann } = await context.cast()
      const token = await ann.token()
      const answers = [
        await context.rest.send('GET /api/users/me', { token }),
        await context.rest.send('GET /api/nothing', { token }),
        await context.rest.send('GET /api/users/me'),
        await context.rest.send('GET /health/live'),
      ]
      const ids = answers.map(({ headers }) => present(headers.get('X-Request-Id'), 'X-Request-Id'))
      same(new Set(ids).size, ids.length, 'The number of distinct request ids')
      for (const index of [1, 2]) {
        const error = errorOf(answers[index] as RestAnswer, 'A refusal')
        same(error.requestId, ids[index], 'The request id of the error body')
      }
    },
  },
  {
    number: '11.12',
    title: 'the documents name every route and every frame',
    async run(context) {
      const openApi = await context.rest.send('GET /openapi.json')
      same(openApi.status, 200, 'The status of /openapi.json')
      const { openapi, paths } = openApi.json as { openapi: string; paths: Record<string, object> }
      claim(openapi.startsWith('3.'), `openapi is ${openapi}`)
      const documented = Object.entries(paths).flatMap(([path, item]) =>
        Object.keys(item)
          .filter((method) => /^(get|put|post|patch|delete)$/.test(method))
          .map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, ':')}`),
      )
      const isApi = (route: string) => route.includes(' /api/')
      const known = ROUTE_NAMES.map((route) => route.replace(/:\w+/g, ':'))
      same(documented.filter(isApi).toSorted(), known.filter(isApi).toSorted(), 'The routes of /openapi.json')
      const asyncApi = await context.rest.send('GET /asyncapi.json')
      same(asyncApi.status, 200, 'The status of /asyncapi.json')
      const frames = [
        'message:send',
        'sync',
        'auth',
        'ping',
        'message:new',
        'receipts',
        'typing',
        'hello',
        'heads',
      ]
      const missing = frames.filter((frame) => !asyncApi.text.includes(`"${frame}"`))
      same(missing, [], 'The frames that /asyncapi.json leaves out')
    },
  },
  {
    number: '11.13',
    title: 'the reference pages load nothing from elsewhere',
    async run(context) {
      for (const page of ['/docs', '/docs/socket']) {
        const { status, headers, text } = await context.rest.send(`GET ${page}`)
        same(status, 200, `The status of ${page}`)
        const policy = headers.get('Content-Security-Policy') ?? ''
        claim(/default-src '(none|self)'/.test(policy), `The policy of ${page} is "${policy}"`)
        claim(!/https?:|\*/.test(policy), `The policy of ${page} allows other origins: ${policy}`)
        const loaded = [...text.matchAll(/<(?:script|link|img)[^>]+?(?:src|href)="([^"]+)"/g)].map(
          ([, url]) => url ?? '',
        )
        for (const url of loaded) {
          claim(url.startsWith('/') && !url.startsWith('//'), `${page} loads ${url}`)
          const asset = await context.rest.send(`GET ${url}`)
          same(asset.status, 200, `The status of ${url}`)
          claim(
            !url.endsWith('.css') || !/url\(\s*["']?(https?:)?\/\//.test(asset.text),
            `${url} loads from elsewhere`,
          )
        }
      }
    },
  },
  {
    number: '11.14',
    title: 'health tells that it serves',
    async run({ rest }) {
      await rest.call('GET /health/live')
      await rest.call('GET /health/ready')
      const { data } = await rest.call('GET /health')
      same([data.status, data.services.database], ['ok', 'ok'], 'The status of the service and its database')
      claim(data.uptime > 0 && data.version.length > 0, `The health is ${JSON.stringify(data)}`)
    },
  },
  {
    number: '11.15',
    title: 'answers say no more than they must, and tokens are not stored',
    async run(context) {
      const { ann } = await context.cast()
      const token = await ann.token()
      for (const route of [
        'GET /api/users/me',
        'GET /health',
        'GET /docs',
        'GET /nothing',
        'POST /api/auth/ticket',
      ]) {
        const { headers } = await context.rest.send(route, { token })
        same(headers.get('X-Content-Type-Options'), 'nosniff', `X-Content-Type-Options of ${route}`)
        for (const name of ['X-Powered-By', 'Server']) same(headers.get(name), null, `${name} of ${route}`)
      }
      const { headers } = await ann.answer('POST /api/auth/ticket')
      claim(/no-store/.test(headers.get('Cache-Control') ?? ''), 'A ticket may be stored by caches')
    },
  },
  {
    number: '11.16',
    title: 'pages of another origin may read nothing',
    async run(context) {
      const { ann } = await context.cast()
      const read = await context.rest.send('GET /api/users/me', {
        token: await ann.token(),
        headers: { Origin: ELSEWHERE },
      })
      const preflight = await context.rest.send('OPTIONS /api/users/me', {
        headers: { Origin: ELSEWHERE, 'Access-Control-Request-Method': 'GET' },
      })
      for (const { headers } of [read, preflight]) {
        const allowed = headers.get('Access-Control-Allow-Origin')
        claim(allowed !== '*' && allowed !== ELSEWHERE, `Access-Control-Allow-Origin is ${allowed}`)
      }
    },
  },
]

/** Something for every name that a path has: of a thing that is not there. */
function paramsOf(context: Context): Record<string, string> {
  const id = context.messageId()
  return { id, userId: id, slug: 'no-such-slug', emoji: '👍', size: 'original' }
}
