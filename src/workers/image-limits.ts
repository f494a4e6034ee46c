import { refuse } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'

/** The longest side of each rendition, in pixels. */
export const SIDES = { medium: 1_280, thumbnail: 320, placeholder: 16 } as const

/** What an image may be, and as what it is stored: a GIF, of which one picture is kept, as a PNG, which loses nothing of it. */
export const STORED_AS = {
  jpeg: { extension: 'jpg', contentType: 'image/jpeg' },
  png: { extension: 'png', contentType: 'image/png' },
  gif: { extension: 'png', contentType: 'image/png' },
  webp: { extension: 'webp', contentType: 'image/webp' },
} as const

export type ImageFormat = keyof typeof STORED_AS

/** isTaken tells whether it is the name of a format that an image may have. */
export function isTaken(format: string): format is ImageFormat {
  return Object.hasOwn(STORED_AS, format)
}

/** checkPixels refuses what would take too much to decode. */
export function checkPixels(width: number, height: number): void {
  const { imagePixels, imageSide } = LIMITS
  if (width * height <= imagePixels && Math.max(width, height) <= imageSide) return
  refuse(
    'VALIDATION_ERROR',
    `An image has at most ${imagePixels} pixels, and ${imageSide} a side; this one is ${width} x ${height}`,
  )
}

export function refuseBroken(): never {
  return refuse('VALIDATION_ERROR', 'Invalid image file: it cannot be decoded')
}
