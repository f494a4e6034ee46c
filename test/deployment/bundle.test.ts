import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'

/** Bytes, compressed: docs/cloudflare.md tells what they are. */
const MOST = 250_000

test('the bundle for Cloudflare is made without a login or a network, and is small', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bundle-'))
  const env = {
    ...process.env,
    CI: '1',
    WRANGLER_SEND_METRICS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  }
  const args = ['run', 'deploy:cloudflare', '--', '--dry-run', '--outdir', folder]
  await promisify(execFile)('npm', args, { env })
  expect(gzipSync(readFileSync(join(folder, 'main.js'))).length).toBeLessThan(MOST)
  rmSync(folder, { recursive: true })
})
