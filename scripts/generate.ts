import { readFileSync, writeFileSync } from 'node:fs'
import type { z } from 'zod'
import packageJson from '../package.json' with { type: 'json' }
import { type AppDeps, createApp } from '../src/app.ts'
import { parseConfig, SECTIONS, Settings } from '../src/config.ts'
import { createAsyncApi } from '../src/protocol/asyncapi.ts'
import { toOpenApi } from '../src/routes/openapi.ts'

const ROOT = new URL('../', import.meta.url)
const { version } = packageJson

/** Every file that is made from the code, and what makes it. */
const GENERATED: Record<string, () => string> = {
  'docs/openapi.json': openApi,
  'docs/asyncapi.json': () => toJson(createAsyncApi(version)),
  '.env.example': envExample,
}

const isCheck = process.argv.includes('--check')
const stale: string[] = []
for (const [path, make] of Object.entries(GENERATED)) {
  const text = make()
  const file = new URL(path, ROOT)
  if (isCheck && read(file) !== text) stale.push(path)
  if (!isCheck) writeFileSync(file, text)
}
if (stale.length > 0) {
  process.stderr.write(`Stale: ${stale.join(', ')}. Run: npm run generate\n`)
  process.exitCode = 1
}

function openApi(): string {
  // The routes are only listed, for which nothing but the settings is read.
  const deps = { config: parseConfig({}) } as AppDeps
  return toJson(toOpenApi(createApp(deps), version))
}

/** Each setting with its description and default, commented out: as it stands the file changes nothing. */
function envExample(): string {
  const settings = Object.entries(Settings.shape)
  const sections = SECTIONS.map((section) => {
    const entries = settings.filter(([, schema]) => schema.meta()?.section === section)
    return [`# --- ${section} ---`, ...entries.map(([name, schema]) => entry(name, schema))].join('\n\n')
  })
  const head = '# Settings of Parley, with their defaults. Made by `npm run generate` from src/config.ts.'
  return `${[head, ...sections].join('\n\n')}\n`
}

function entry(name: string, schema: z.ZodType): string {
  const fallback = schema.safeParse(undefined).data
  const value = toText(fallback)
  return `# ${schema.meta()?.description}\n#${name}=${value}`
}

/** A default as it would be written into a setting: a list by commas, a map as pairs, a list of objects as JSON. */
function toText(fallback: unknown): string {
  if (typeof fallback !== 'object' || fallback === null) return String(fallback ?? '')
  if (!Array.isArray(fallback))
    return Object.entries(fallback)
      .map((pair) => pair.join(':'))
      .join(',')
  return fallback.some((it) => typeof it === 'object') ? JSON.stringify(fallback) : fallback.join(',')
}

function toJson(document: unknown): string {
  return `${JSON.stringify(document, null, 2)}\n`
}

function read(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
