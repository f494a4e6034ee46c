import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPglite } from '../../src/hosts/node/pglite.ts'
import { askShared } from './postgres.ts'

/** TestPglite is a migrated PGlite of one test file's own, behind its socket. */
export interface TestPglite {
  readonly url: string
  /** Ends it and removes its folder. */
  remove(): Promise<void>
}

export async function createTestPglite(): Promise<TestPglite> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-pglite-'))
  cpSync(await askShared('/pglite'), folder, { recursive: true })
  const pglite = startPglite(folder)
  await pglite.ready
  return {
    url: pglite.url,
    async remove() {
      await pglite.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
