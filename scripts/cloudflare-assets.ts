import { copyFileSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Puts the files of the reference pages where wrangler.toml looks for them. */
const folder = fileURLToPath(new URL('../.wrangler/assets/', import.meta.url))
const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
const own = fileURLToPath(new URL('../src/routes/reference/', import.meta.url))

mkdirSync(folder, { recursive: true })
for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']) {
  copyFileSync(join(swagger, name), join(folder, name))
}
for (const name of ['reference.css', 'reference.js']) copyFileSync(join(own, name), join(folder, name))
