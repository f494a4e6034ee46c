import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { parseAst } from 'vitest/node'

const ROOT = resolve(import.meta.dirname, '../..')
const NOT_OURS = new Set(['node_modules', 'migrations', 'peers'])

export interface Import {
  /** What is imported: `rooms/ports` for a file of ours (within src), else the package as written. */
  readonly target: string
  /** Gone at run time. */
  readonly isType: boolean
  /** Loaded when that line runs, by `import()`. */
  readonly isLate: boolean
}

/** Source is one file of the project, parsed. */
export interface Source {
  /** From the project's root: `src/rooms/actor.ts`. */
  readonly path: string
  readonly lines: number
  readonly imports: readonly Import[]
  /** Names that the file uses and does not take as a property of something: `process`, and `Date.now` as a whole. */
  readonly names: ReadonlySet<string>
}

/** listSources parses every TypeScript file of the named folders, but not what others wrote or a tool generated. */
export function listSources(...folders: string[]): Source[] {
  return folders.flatMap((folder) => filesOf(join(ROOT, folder))).map(readSource)
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return []
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return filesOf(path)
    return /\.tsx?$/.test(entry.name) ? [path] : []
  })
}

function readSource(path: string): Source {
  const text = readFileSync(path, 'utf8')
  return { path: relative(ROOT, path), lines: text.split('\n').length - 1, ...readNames(text, path) }
}

/** readNames tells what a file's text imports and which names it uses. */
export function readNames(text: string, path: string): Pick<Source, 'imports' | 'names'> {
  const imports: Import[] = []
  const names = new Set<string>()
  const isTsx = path.endsWith('x')
  walk(parseAst(text, { lang: isTsx ? 'tsx' : 'ts' }), (node) => {
    const source = isNode(node.source) ? node.source.value : undefined
    if (typeof source === 'string') {
      const isLate = node.type === 'ImportExpression'
      imports.push({ target: toTarget(source, path), isType: isErased(node), isLate })
    }
    const name = nameOf(node)
    if (name !== undefined) names.add(name)
  })
  return { imports, names }
}

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit)
  } else if (isNode(value)) {
    visit(value)
    for (const [key, child] of Object.entries(value)) {
      if (!isOwnName(value, key)) walk(child, visit)
    }
  }
}

/** A property's own name (`x.process`, `{ process: 1 }`) is not a use of the global. */
function isOwnName(node: Node, key: string): boolean {
  if (node.type === 'Property' && node.shorthand === true) return false
  return (key === 'property' || key === 'key') && node.computed !== true
}

function isErased(node: Node): boolean {
  if (node.type === 'TSImportType') return true
  if (node.importKind === 'type' || node.exportKind === 'type') return true
  const specifiers = Array.isArray(node.specifiers) ? node.specifiers.filter(isNode) : []
  return (
    specifiers.length > 0 &&
    specifiers.every((each) => each.importKind === 'type' || each.exportKind === 'type')
  )
}

function nameOf(node: Node): string | undefined {
  if (node.type === 'Identifier' && typeof node.name === 'string') return node.name
  if (node.type === 'MemberExpression' && isNode(node.object) && isNode(node.property)) {
    return `${String(node.object.name)}.${String(node.property.name)}`
  }
  const isBareDate =
    (node.type === 'NewExpression' || node.type === 'CallExpression') &&
    isNode(node.callee) &&
    node.callee.name === 'Date' &&
    Array.isArray(node.arguments) &&
    node.arguments.length === 0
  return isBareDate ? 'new Date()' : undefined
}

function toTarget(specifier: string, path: string): string {
  if (!specifier.startsWith('.')) return specifier
  const target = relative(join(ROOT, 'src'), resolve(dirname(path), specifier))
  return target.replace(/\.tsx?$/, '')
}
