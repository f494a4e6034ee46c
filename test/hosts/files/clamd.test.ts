import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClamd } from '../../../src/hosts/node/files/clamd.ts'

/** Speaks clamd's INSTREAM: takes pieces by their lengths, and answers after the empty one. */
const peer = createServer((socket) => void talk(socket).catch(() => socket.destroy()))
let port: number

beforeAll(async () => {
  peer.listen(0, '127.0.0.1')
  await once(peer, 'listening')
  port = (peer.address() as AddressInfo).port
})
afterAll(() => peer.close())

async function talk(socket: Socket): Promise<void> {
  let bytes = Buffer.alloc(0)
  for await (const piece of socket) {
    bytes = Buffer.concat([bytes, piece])
    const content = contentOf(bytes)
    if (content === undefined) continue
    if (content.includes('HANG UP')) return void socket.destroy()
    if (content.includes('TOO BIG')) return void socket.end('INSTREAM size limit exceeded. ERROR\0')
    socket.end(content.includes('EICAR') ? 'stream: Eicar-Signature FOUND\0' : 'stream: OK\0')
  }
}

function contentOf(bytes: Buffer): string | undefined {
  if (!bytes.subarray(0, 10).equals(Buffer.from('zINSTREAM\0'))) return undefined
  let content = ''
  for (let at = 10; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    if (length === 0) return content
    if (at + 4 + length > bytes.length) return undefined
    content += bytes.subarray(at + 4, at + 4 + length)
    at += 4 + length
  }
  return undefined
}

const fileOf = (...pieces: string[]) => ({
  bytes: 1,
  stream: () => ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece))),
  async remove() {},
})

test('a file is clean, or named by what is in it, in however many pieces it comes', async () => {
  const scanner = createClamd({ host: '127.0.0.1', port })
  expect(await scanner.scan(fileOf('hello'))).toBeUndefined()
  expect(await scanner.scan(fileOf())).toBeUndefined()
  expect(await scanner.scan(fileOf('x'.repeat(300_000), 'EI', 'CAR'))).toBe('Eicar-Signature')
})

test.each(['HANG UP', 'TOO BIG'])('what was not scanned is refused as retryable: %s', async (content) => {
  const scanner = createClamd({ host: '127.0.0.1', port })
  await expect(scanner.scan(fileOf(content))).rejects.toMatchObject({
    refusal: { code: 'SERVICE_UNAVAILABLE' },
  })
})

test('without clamd nothing is taken', async () => {
  const scanner = createClamd({ host: '127.0.0.1', port: 1 })
  await expect(scanner.scan(fileOf('hello'))).rejects.toMatchObject({
    refusal: { code: 'SERVICE_UNAVAILABLE' },
  })
})
