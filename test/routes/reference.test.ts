import { afterAll, beforeAll, expect, test } from 'vitest'
import { ClientFrame } from '../../src/protocol/frames.ts'
import { createTestApp, type TestApp } from '../support/app.ts'

let it: TestApp

beforeAll(async () => {
  it = await createTestApp()
})

afterAll(() => it.close())

test.each(['/docs', '/docs/socket'])(
  '%s loads its own files only, and all of them are there',
  async (path) => {
    const page = await it.call(`GET ${path}`)
    expect(page.status).toBe(200)
    expect(page.headers.get('Content-Type')).toContain('text/html')
    const loaded = [...page.text.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, url]) => url ?? '')
    expect(loaded.length).toBeGreaterThan(4)
    for (const url of loaded) {
      expect(url).toMatch(/^\/[^/]/)
      expect((await it.call(`GET ${url}`)).status).toBe(200)
    }
  },
)

test('the pages may run their own scripts and nothing else', async () => {
  const policy = (await it.call('GET /docs')).headers.get('Content-Security-Policy')
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self';")
  expect(policy).not.toContain('unsafe-eval')
})

test('the page of the socket tells every frame that a client may send', async () => {
  const { text } = await it.call('GET /docs/socket')
  for (const option of ClientFrame.options) expect(text).toContain(`id="send.${keyOf(option)}"`)
  expect(text).not.toContain('undefined')
  expect(text).not.toContain('[object')
})

test('asyncapi.json refers to nothing that it does not hold', async () => {
  const { body } = await it.call('GET /asyncapi.json')
  expect(body.asyncapi).toBe('3.0.0')
  expect(danglingOf(body)).toEqual([])
})

test('openapi.json names every operation once, with a summary and its errors', async () => {
  const { body } = await it.call('GET /openapi.json')
  expect(body.openapi).toBe('3.1.0')
  expect(danglingOf(body)).toEqual([])
  const operations = Object.values<Record<string, Operation>>(body.paths).flatMap((item) =>
    Object.values(item),
  )
  const ids = operations.map(({ operationId }) => operationId)
  expect(new Set(ids).size).toBe(operations.length)
  for (const operation of operations) {
    expect(operation.summary, operation.operationId).toBeTruthy()
    expect(operation.tags, operation.operationId).toHaveLength(1)
    if (operation.tags[0] !== 'Health')
      expect(operation.responses, operation.operationId).toHaveProperty('default')
  }
})

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: string[]
  readonly responses: object
}

function keyOf(option: (typeof ClientFrame.options)[number]): string {
  return option.shape.type.value.replaceAll(':', '.')
}

/** References into the document that lead nowhere. */
function danglingOf(document: object): string[] {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
    ([, path]) => path ?? '',
  )
  return references.filter((path) => {
    const found = path
      .split('/')
      .reduce<unknown>((node, key) => (node as Record<string, unknown>)?.[key], document)
    return found === undefined
  })
}
