import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as zod from 'zod/v4'

/**
 * Writes what wrangler.toml puts in the place of three libraries, which as a whole a bundler can leave nothing of out:
 * of `z` what is used and not its messages in fifty languages, of rate limiters those that count in memory, and of what
 * makes the OpenAPI document nothing, as the document is made before. They would be a third of the bundle.
 */
const source = fileURLToPath(new URL('../src/', import.meta.url))
const folder = fileURLToPath(new URL('../.wrangler/', import.meta.url))
/** Only its types are used, and it is all of zod once more. */
const TYPES = 'core'
const LIMITERS = ['BurstyRateLimiter', 'RateLimiterMemory', 'RateLimiterRes']

/** What the routes do with each of these while they are put together. */
const OPENAPI = `
export class OpenAPIRegistry {
  definitions = []
  registerPath() {}
}
export class OpenApiGeneratorV3 {}
export class OpenApiGeneratorV31 {}
export function extendZodWithOpenApi() {}
export function getOpenApiMetadata() {}
`

/** The OpenAPI library adds a method to it. */
const used = new Set(['ZodType'])
for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.ts')) continue
  const text = readFileSync(source + name, 'utf8')
  for (const [, member = ''] of text.matchAll(/\bz\s*\.(\w+)/g)) if (member in zod) used.add(member)
}
used.delete(TYPES)
const members = [...used].toSorted().map((name) => `  ${name}: all.${name},\n`)
const limiters = LIMITERS.map(
  (name) => `export { default as ${name} } from 'rate-limiter-flexible/lib/${name}.js'\n`,
)

mkdirSync(folder, { recursive: true })
write(
  'zod.js',
  `import * as all from 'zod/v4'\nexport * from 'zod/v4'\nexport const z = {\n${members.join('')}}\n`,
)
write('rate-limiter-flexible.js', limiters.join(''))
write('zod-to-openapi.js', OPENAPI)

/** As `cloudflare-assets.ts` does: what is the same is not touched. */
function write(name: string, text: string): void {
  const path = folder + name
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text)
}
