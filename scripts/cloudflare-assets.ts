import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Puts the files of the reference pages where wrangler.toml looks for them. */
const folder = fileURLToPath(new URL('../.wrangler/assets/', import.meta.url))
const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
const own = fileURLToPath(new URL('../src/routes/reference/', import.meta.url))
const generated = fileURLToPath(new URL('../docs/', import.meta.url))

mkdirSync(folder, { recursive: true })
for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']) copy(name, swagger)
for (const name of ['reference.css', 'reference.js']) copy(name, own)
for (const name of ['openapi.json', 'asyncapi.json']) copy(name, generated)

/** Whoever serves this folder begins afresh when a file of it changes: it is not touched when it is the same. */
function copy(name: string, from: string): void {
  const to = join(folder, name)
  const bytes = readFileSync(join(from, name))
  if (!existsSync(to) || !readFileSync(to).equals(bytes)) writeFileSync(to, bytes)
}
