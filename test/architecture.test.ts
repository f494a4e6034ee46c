import { accessSync, constants } from 'node:fs'
import { describe, expect, test } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { listSources, readNames, type Source } from './support/source.ts'

/** What a folder of src may import, by name or as all that begins with `name/`; `types` only where it is erased. */
interface Rule {
  readonly values: readonly string[]
  readonly types?: readonly string[]
}

const RULES: Record<string, Rule> = {
  protocol: { values: ['zod'] },
  rooms: { values: ['protocol'] },
  gateway: { values: ['protocol'], types: ['rooms/ports', 'rooms/memory'] },
  auth: {
    values: ['protocol', 'db', 'settings', 'jose', 'lru-cache', 'zod'],
    types: ['rooms/ports', 'gateway/ports', 'workers/ports'],
  },
  db: {
    values: ['protocol', 'drizzle-orm', 'pg', 'mysql2', 'zod', 'uuid'],
    types: ['rooms/ports', 'gateway/ports', 'auth/ports', 'settings', 'workers/ports'],
  },
  attachments: { values: ['protocol', 'db', 'multipasta'], types: ['rooms/ports'] },
  workers: {
    values: [
      'protocol',
      'db',
      'zod',
      'uuid',
      '@block65/webcrypto-web-push',
      'standardwebhooks',
      'sharp',
      'fflate',
    ],
    types: ['rooms/ports', 'gateway/ports', 'attachments/ports', 'config'],
  },
  routes: {
    values: ['protocol', 'rooms/ports', 'db', 'auth', 'attachments', 'hono', '@hono/zod-openapi', 'zod'],
    types: ['gateway', 'config', 'workers/ports'],
  },
  client: { values: ['protocol', 'hono/client'], types: ['app'] },
  app: {
    values: ['protocol', 'routes', 'auth', 'hono', '@hono/zod-openapi'],
    types: ['rooms', 'gateway', 'db', 'config'],
  },
  settings: { values: ['protocol', 'zod'] },
  config: { values: ['settings', 'protocol', 'zod'] },
  // A black box: it knows a service by its address, and no more of the code than the wire.
  conformance: { values: ['protocol', 'zod', 'uuid', 'standardwebhooks'] },
}
/** A host may import anything but another host; what hosts share knows none of them. */
const HOSTS = ['hosts/node', 'hosts/cloudflare', 'hosts/shared']

const CORE = ['protocol', 'rooms', 'gateway']
/** Time, ids and randomness are arguments of the core, and so is all that a platform gives. */
const BANNED_IN_CORE = [
  ...['Date.now', 'new Date()', 'Math.random', 'crypto', 'performance', 'Temporal'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
  ...['process', 'Buffer', 'console', 'fetch', 'WebSocket', 'navigator', 'globalThis'],
]
/** What a browser or an edge runtime lacks. */
const BANNED_OUTSIDE_HOSTS = ['process', 'Buffer', 'require', '__dirname', '__filename', 'setImmediate']

const MOST_LINES = 350
const NOT_OUR_WORDS =
  /(^|[-/])(utils?|helpers?|services?|managers?|controllers?|repositor(y|ies)|index)([-./]|$)/

const product = listSources('src')
const everything = listSources('src', 'test', 'bench', 'scripts')

describe('who may import whom', () => {
  test('every folder of src has a rule', () => {
    const folders = new Set(product.map(folderOf))
    expect([...folders].filter((folder) => !RULES[folder] && !HOSTS.includes(folder))).toEqual([])
  })

  test('nobody imports what the table does not allow', () => {
    expect(product.flatMap(faultsOf)).toEqual([])
  })

  test.each([
    ['a room that knows the database', 'src/rooms/x.ts', `import { Pool } from 'pg'`],
    ['a gateway that runs code of the rooms', 'src/gateway/x.ts', `import { room } from '../rooms/room.ts'`],
    ['a route that knows Node', 'src/routes/x.ts', `import { join } from 'node:path'`],
    ['a client that carries the server', 'src/client/x.ts', `import { createApp } from '../app.ts'`],
    ['what hosts share that knows one', 'src/hosts/shared/x.ts', `export * from '../node/socket.ts'`],
    ['one host that knows the other', 'src/hosts/node/x.ts', `export * from '../cloudflare/main.ts'`],
    ['an import that waits', 'src/protocol/x.ts', `const fs = await import('node:fs')`],
  ])('%s is found', (_, path, text) => {
    expect(faultsOf(sourceOf(path, text))).toHaveLength(1)
  })

  test('types alone may cross where the table says so', () => {
    const text = `import type { AppType } from '../app.ts'`
    expect(faultsOf(sourceOf('src/client/x.ts', text))).toEqual([])
  })
})

describe('the core', () => {
  test('takes time, ids, randomness and the platform as arguments', () => {
    expect(
      usesOf(
        BANNED_IN_CORE,
        product.filter((source) => CORE.includes(folderOf(source))),
      ),
    ).toEqual([])
  })

  test.each([
    'const now = Date.now()',
    'const now = new Date()',
    'const id = crypto.randomUUID()',
    'setTimeout(() => {}, 1)',
    'const all = { process }',
  ])('a use of the platform is found: %s', (text) => {
    expect(usesOf(BANNED_IN_CORE, [sourceOf('src/rooms/x.ts', text)])).toHaveLength(1)
  })

  test('a property of that name, or a date made from a number, is nothing to find', () => {
    const text = 'const at = new Date(turn.process).toISOString(); const x = { fetch: at, console() {} }'
    expect(usesOf(BANNED_IN_CORE, [sourceOf('src/rooms/x.ts', text)])).toEqual([])
  })
})

describe('the command line', () => {
  test('says what it can, and opens the port, before it loads drizzle, which takes a second', () => {
    const isLoadedBy = (target: string) =>
      [...loadedBy(target)].some((each) => isWithin(each, ['drizzle-orm']))
    expect(isLoadedBy('hosts/node/cli')).toBe(false)
    expect(isLoadedBy('hosts/node/with-database')).toBe(true)
  })
})

describe('files', () => {
  test('only hosts know what is of Node alone', () => {
    const others = product.filter((source) => !HOSTS.includes(folderOf(source)))
    expect(usesOf(BANNED_OUTSIDE_HOSTS, others)).toEqual([])
  })

  test(`have at most ${MOST_LINES} lines`, () => {
    expect(everything.filter(({ lines }) => lines > MOST_LINES).map(({ path }) => path)).toEqual([])
  })

  test('that package.json offers as programs can be run, as npx does', () => {
    for (const path of Object.values(packageJson.bin)) accessSync(path, constants.X_OK)
  })

  test('are named in kebab-case, by the vocabulary', () => {
    const isWell = ({ path }: Source) => /^[a-z0-9./-]+$/.test(path) && !NOT_OUR_WORDS.test(path)
    expect(everything.filter((source) => !isWell(source)).map(({ path }) => path)).toEqual([])
  })
})

/** All that loads before a file of src runs its first line, files by their place in src and packages by name. */
function loadedBy(target: string, known = new Set<string>()): Set<string> {
  if (known.has(target)) return known
  known.add(target)
  const { imports = [] } = product.find(({ path }) => path === `src/${target}.ts`) ?? {}
  for (const next of imports) if (!next.isType && !next.isLate) loadedBy(next.target, known)
  return known
}

function folderOf({ path }: Source): string {
  const [, first = '', second = ''] = path.replace(/\.tsx?$/, '').split('/')
  return first === 'hosts' ? `hosts/${second}` : first
}

function faultsOf(source: Source): string[] {
  const folder = folderOf(source)
  return source.imports
    .filter(({ target, isType }) => !isWithin(target, [folder]) && !isAllowed(folder, target, isType))
    .map(({ target, isType }) => `${source.path} imports ${isType ? 'types of ' : ''}${target}`)
}

function isAllowed(folder: string, target: string, isType: boolean): boolean {
  if (HOSTS.includes(folder))
    return !isWithin(target, HOSTS) || (folder !== 'hosts/shared' && isWithin(target, ['hosts/shared']))
  const { values = [], types = [] } = RULES[folder] ?? {}
  return isWithin(target, isType ? [...values, ...types] : values)
}

function isWithin(target: string, names: readonly string[]): boolean {
  return names.some((name) => target === name || target.startsWith(`${name}/`))
}

function usesOf(banned: readonly string[], sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, names }) =>
    banned.filter((name) => names.has(name)).map((name) => `${path} uses ${name}`),
  )
}

function sourceOf(path: string, text: string): Source {
  return { path, lines: 1, ...readNames(text, new URL(`../${path}`, import.meta.url).pathname) }
}
