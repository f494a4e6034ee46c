import { refuse } from '../protocol/errors.ts'

/** What a file is, by its first bytes. Whether it really is, decoding tells. */
export type Signature = 'image' | 'pdf' | 'zip' | 'unknown'

const SIGNATURES: readonly (readonly [Signature, readonly number[]])[] = [
  ['image', [0xff, 0xd8, 0xff]],
  ['image', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['image', [0x47, 0x49, 0x46, 0x38]],
  ['pdf', [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
]
const RIFF = [0x52, 0x49, 0x46, 0x46]
const WEBP = [0x57, 0x45, 0x42, 0x50]

export function signatureOf(bytes: Uint8Array): Signature {
  if (startsWith(bytes, RIFF) && startsWith(bytes.subarray(8), WEBP)) return 'image'
  return SIGNATURES.find(([, start]) => startsWith(bytes, start))?.[0] ?? 'unknown'
}

/** A document that was found to be what it says. */
export interface DocumentType {
  readonly contentType: string
  readonly extension: string
}

/** refuseType says what may be sent in place of a file that is something else. */
export function refuseType(what = 'jpeg, png, gif or webp'): never {
  return refuse('UNSUPPORTED_MEDIA_TYPE', `Invalid file type: send ${what}`)
}

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte)
}
