import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Asset } from '../../routes/deps.ts'

const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
const own = new URL('../../routes/reference/', import.meta.url).pathname
const generated = new URL('../../../docs/', import.meta.url).pathname

/** The files of the reference pages: where each lies, and what it is. Nothing else is served. */
const FILES: Readonly<Record<string, readonly [folder: string, contentType: string]>> = {
  'swagger-ui.css': [swagger, 'text/css; charset=utf-8'],
  'swagger-ui-bundle.js': [swagger, 'text/javascript; charset=utf-8'],
  'favicon-32x32.png': [swagger, 'image/png'],
  'reference.css': [own, 'text/css; charset=utf-8'],
  'reference.js': [own, 'text/javascript; charset=utf-8'],
  'openapi.json': [generated, 'application/json'],
  'asyncapi.json': [generated, 'application/json'],
}

const loaded = new Map<string, Promise<Asset>>()

/** asset reads a file of the reference pages once. undefined for any other name. */
export async function asset(name: string): Promise<Asset | undefined> {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined
  if (!file) return undefined
  const [folder, contentType] = file
  const reading =
    loaded.get(name) ??
    readFile(join(folder, name)).then((body) => ({ body: new Uint8Array(body), contentType }))
  loaded.set(name, reading)
  return reading
}
