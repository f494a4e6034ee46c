import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import { createS3Store, type S3Settings } from '../../../src/hosts/node/files/s3.ts'
import { clock } from '../../../src/hosts/shared/clock.ts'
import { startRadosgw } from '../../support/radosgw.ts'
import { aFile, describeBlobStore } from './blob-store.contract.ts'

let settings: S3Settings

describeBlobStore('S3', async () => {
  const server = await startRadosgw()
  settings = server.settings
  return { store: createS3Store(settings, clock), origin: settings.endpoint ?? '', close: server.stop }
})

describe('an S3 server', () => {
  const failing = createServer((request, response) => {
    request.resume()
    response.writeHead(500).end()
  })
  afterAll(() => failing.close())

  const UNAVAILABLE = { refusal: { code: 'SERVICE_UNAVAILABLE' } }

  async function expectRefused(other: Partial<S3Settings>): Promise<void> {
    const base = { bucket: 'parley', region: 'us-east-1', isPathStyle: true }
    const credentials = { accessKeyId: 'nobody', secretAccessKey: 'nothing' }
    const store = createS3Store({ ...base, credentials, ...other }, clock)
    await expect(store.put('a', aFile(new Uint8Array(3)), 'image/png')).rejects.toMatchObject(UNAVAILABLE)
    await expect(store.get('a')).rejects.toMatchObject(UNAVAILABLE)
    await expect(store.remove(['a'])).rejects.toMatchObject(UNAVAILABLE)
    expect(await store.isUp()).toBe(false)
  }

  test('that fails is told to the sender as something to try again', async () => {
    await new Promise<void>((resolve) => failing.listen(0, '127.0.0.1', resolve))
    await expectRefused({ endpoint: `http://127.0.0.1:${(failing.address() as AddressInfo).port}` })
  })

  test('that is away is, too', async () => {
    await expectRefused({ endpoint: 'http://127.0.0.1:1' })
  })
})
