import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Step is one instruction of a Dockerfile, such as `COPY` with `--from=a /b ./b`. */
export interface Step {
  readonly name: string
  readonly rest: string
}

/** Copy is what a `COPY` says. */
export interface Copy {
  /** The stage that it copies from; the project when left out. */
  readonly from: string | undefined
  readonly owner: string | undefined
  readonly sources: readonly string[]
  readonly target: string
}

/** readDockerfile lists the instructions, with continued lines joined. */
export function readDockerfile(project: string): Step[] {
  const lines = readFileSync(join(project, 'Dockerfile'), 'utf8').split('\n')
  const text = lines.filter((line) => !line.startsWith('#')).join('\n')
  return text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? []
      return { name, rest }
    })
}

/** readIncluded lists what `.dockerignore` lets into the image, where it begins with leaving out all. */
export function readIncluded(project: string): string[] {
  const lines = readFileSync(join(project, '.dockerignore'), 'utf8').split('\n')
  const [first, ...others] = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (first !== '*' || others.some((line) => !line.startsWith('!'))) {
    throw new Error('.dockerignore is expected to leave out everything but what it names')
  }
  return others.map((line) => line.slice(1))
}

export function parseCopy(rest: string): Copy {
  const words = rest.split(/\s+/)
  const flags = Object.fromEntries(
    words.filter((word) => word.startsWith('--')).map((word) => word.slice(2).split('=')),
  )
  const paths = words.filter((word) => !word.startsWith('--'))
  return { from: flags.from, owner: flags.chown, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' }
}

/** parseCommand reads an exec form, the only one in which a signal reaches the program. */
export function parseCommand(rest: string): string[] {
  return JSON.parse(rest.slice(rest.indexOf('[')))
}
