import sharp, { type Sharp } from 'sharp'
import { LIMITS } from '../protocol/limits.ts'
import { refuseType } from './file-types.ts'
import { checkPixels, type ImageFormat, isTaken, refuseBroken, SIDES, STORED_AS } from './image-limits.ts'

/** For one rendition; an image of 40 million pixels takes 2. */
const SECONDS = 20

const writePng = (image: Sharp) => image.png({ compressionLevel: 6 })
const WRITERS: Record<ImageFormat, (image: Sharp) => Sharp> = {
  jpeg: (image) => image.jpeg({ quality: 90 }),
  png: writePng,
  gif: writePng,
  webp: (image) => image.webp({ quality: 90, effort: 2 }),
}

export interface CheckedImage {
  readonly contentType: string
  readonly extension: string
  readonly width: number
  readonly height: number
  readonly placeholder: string
  readonly original: Uint8Array
  readonly medium: Uint8Array
  readonly thumbnail: Uint8Array
}

/**
 * checkImage decodes an image and writes it anew, upright, in sRGB, one page, without EXIF and all else that came with
 * it, so that what is stored is nothing but a picture. Each smaller one is made from the one before.
 */
export async function checkImage(bytes: Uint8Array): Promise<CheckedImage> {
  // What has been decoded is asked for once: keeping it, or spreading one image over all processors, helps nobody.
  sharp.cache(false)
  sharp.concurrency(1)
  const format = await formatOf(bytes)
  try {
    const upright = open(bytes).autoOrient().timeout({ seconds: SECONDS })
    const original = await WRITERS[format](upright).toBuffer({ resolveWithObject: true })
    const medium = await shrink(bytes, SIDES.medium).autoOrient().webp({ quality: 80, effort: 2 }).toBuffer()
    const thumbnail = await shrink(medium, SIDES.thumbnail).webp({ quality: 75, effort: 2 }).toBuffer()
    const tiny = await shrink(thumbnail, SIDES.placeholder).webp({ quality: 30 }).toBuffer()
    const { width, height } = original.info
    return {
      ...STORED_AS[format],
      ...{ width, height },
      placeholder: `data:image/webp;base64,${tiny.toString('base64')}`,
      ...{ original: original.data, medium, thumbnail },
    }
  } catch {
    return refuseBroken()
  }
}

async function formatOf(bytes: Uint8Array): Promise<ImageFormat> {
  const metadata = await sharp(bytes, { limitInputPixels: false, failOn: 'error' })
    .metadata()
    .catch(refuseBroken)
  const { format = '', width = 0, height = 0, pageHeight = height } = metadata
  if (!isTaken(format)) return refuseType()
  checkPixels(width, pageHeight)
  return format
}

/** One page, no more pixels than allowed, and nothing that is cut short. */
function open(bytes: Uint8Array): Sharp {
  return sharp(bytes, {
    limitInputPixels: LIMITS.imagePixels,
    failOn: 'error',
    pages: 1,
    sequentialRead: true,
  })
}

function shrink(bytes: Uint8Array, side: number): Sharp {
  return open(bytes)
    .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
    .timeout({ seconds: SECONDS })
}
