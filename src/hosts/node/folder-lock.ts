import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../config.ts'

/**
 * lockFolder makes this process the only user of a folder, by a file in it that names the process; the result gives
 * the folder back. Throws a ConfigError that names who uses it. A file whose process is dead, or is another process with the same number, is taken over. It does
 * not see processes of other machines or containers.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock')
  const mine = describe(process.pid) ?? `${process.pid}`
  while (!create(path, mine)) {
    const holder = read(path)
    if (holder === undefined) continue
    const pid = Number.parseInt(holder, 10)
    if (describe(pid) === holder) {
      throw new ConfigError(
        `${folder} is in use by process ${pid}: stop it first, or choose another DATA_DIR`,
      )
    }
    remove(path, holder)
  }
  return () => remove(path, mine)
}

/** The file appears with its text, so that nobody reads it empty. */
function create(path: string, text: string): boolean {
  const aside = `${path}.${process.pid}`
  writeFileSync(aside, text)
  try {
    linkSync(aside, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(aside)
  }
}

/** Removes the file if it still says `text`: another process may have replaced it since it was read. */
function remove(path: string, text: string): void {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
    if (read(aside) !== text) linkSync(aside, path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EEXIST') throw error
  }
  rmSync(aside, { force: true })
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** A living process as "pid start", where the system tells the start (numbers are used again); undefined when dead. */
function describe(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return undefined
  }
  // Linux: the 22nd field, counted from the end of the name, which may hold spaces and brackets.
  const status = read(`/proc/${pid}/stat`)
  const start = status?.slice(status.lastIndexOf(')') + 2).split(' ')[19]
  return start === undefined ? `${pid}` : `${pid} ${start}`
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
