import { expect, test } from 'vitest'
import { listSources } from '../support/source.ts'

test('a browser carries no schemas and no server for the client', () => {
  const sources = new Map(listSources('src').map((source) => [source.path, source]))
  const carried = new Set<string>()
  const carry = (path: string) => {
    if (carried.has(path)) return
    carried.add(path)
    for (const { target, isType } of sources.get(path)?.imports ?? []) {
      if (isType) continue
      const file = `src/${target}.ts`
      carry(sources.has(file) ? file : target)
    }
  }
  carry('src/client/client.ts')
  const strangers = [...carried].filter((path) => !/^src\/(client|protocol)\//.test(path))
  expect(strangers).toEqual(['hono/client'])
})
