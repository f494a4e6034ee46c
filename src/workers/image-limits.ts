import { refuse } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'

/** The longest side of each rendition, in pixels. */
export const SIDES = { medium: 1_280, thumbnail: 320, placeholder: 16 } as const

/** checkPixels refuses what would take too much to decode. */
export function checkPixels(width: number, height: number): void {
  if (width * height <= LIMITS.imagePixels) return
  refuse(
    'VALIDATION_ERROR',
    `An image has at most ${LIMITS.imagePixels} pixels; this one is ${width} x ${height}`,
  )
}

export function refuseBroken(): never {
  return refuse('VALIDATION_ERROR', 'Invalid image file: it cannot be decoded')
}
