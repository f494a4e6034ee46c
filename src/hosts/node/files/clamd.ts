import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { VirusScanner } from '../../../attachments/ports.ts'
import { RefusalError } from '../../../protocol/errors.ts'

/** Milliseconds without a word from clamd, which reads a whole file before it answers. */
const PATIENCE = 20_000
/** What clamd says of a stream: `stream: OK`, or `stream: Eicar-Signature FOUND`. */
const ANSWER = /^stream: (?:(OK)|(.+) FOUND)\0?$/

export interface ClamdAddress {
  readonly host: string
  readonly port: number
}

/** createClamd asks clamd by INSTREAM: each piece behind its length, and a length of 0 at the end. */
export function createClamd(address: ClamdAddress): VirusScanner {
  return {
    async scan(file) {
      try {
        return await ask(address, file.stream())
      } catch (error) {
        const message = 'The file could not be scanned: try again. Messages without files are not affected'
        const refusal = new RefusalError({ code: 'SERVICE_UNAVAILABLE', message, retryAfter: 5 })
        refusal.cause = error
        throw refusal
      }
    },
  }
}

async function ask(
  { host, port }: ClamdAddress,
  content: ReadableStream<Uint8Array>,
): Promise<string | undefined> {
  const socket = connect({ host, port })
  socket.setTimeout(PATIENCE, () => socket.destroy(new Error('clamd does not answer')))
  try {
    const [said] = await Promise.all([
      hear(socket),
      pipeline(Readable.from(framed(content)), socket, { end: false }),
    ])
    const answer = ANSWER.exec(said)
    if (!answer) throw new Error(`clamd said: ${said.slice(0, 200)}`)
    return answer[2]
  } finally {
    socket.destroy()
  }
}

async function* framed(content: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield Buffer.from('zINSTREAM\0')
  for await (const piece of content) {
    yield lengthOf(piece)
    yield piece
  }
  yield lengthOf(new Uint8Array())
}

function lengthOf({ length }: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

/** One answer, that ends with U+0000 or the connection. */
async function hear(socket: Socket): Promise<string> {
  let said = ''
  for await (const piece of socket) {
    said += piece
    if (said.includes('\0')) break
  }
  return said.trim()
}
