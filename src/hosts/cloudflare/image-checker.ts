import type { FileChecked, FileChecker } from '../../attachments/ports.ts'
import { RefusalError } from '../../protocol/errors.ts'
import { checkDocument } from '../../workers/check-document.ts'
import { refuseType, signatureOf } from '../../workers/file-types.ts'
import { checkPixels, isTaken, refuseBroken, SIDES, STORED_AS } from '../../workers/image-limits.ts'
import { MemoryFile } from './memory-spool.ts'

/** Bytes that tell what a file may be. */
const BEGINNING = 16
/** The platform's own code for a month whose images are used up. */
const USED_UP = 9422

/** createImageChecker has the platform decode images, apart from the isolate; documents are looked at here. */
export function createImageChecker(images: ImagesBinding): FileChecker {
  return {
    async check({ file, fileName, allowed }): Promise<FileChecked> {
      if (!(file instanceof MemoryFile)) throw new Error('Images are read from memory')
      const signature = signatureOf(await bytesOf(file.content.slice(0, BEGINNING)))
      if (signature === 'image') return checkImage(images, file.content)
      if (allowed === 'images') return refuseType()
      const found = checkDocument(await bytesOf(file.content), signature, fileName)
      return { kind: 'file', ...found, original: file }
    },
  }
}

/** The platform turns an image upright and drops its EXIF whenever it writes one. */
async function checkImage(images: ImagesBinding, content: Blob): Promise<FileChecked> {
  const info = await images.info(content.stream()).catch(refuseFault)
  const format = info.format.replace('image/', '')
  if (!('width' in info) || !isTaken(format)) return refuseType()
  checkPixels(info.width, info.height)
  const { extension, contentType } = STORED_AS[format]
  const original = await write(images, content, { format: contentType, quality: 90 })
  const upright = await images.info(original.stream()).catch(refuseFault)
  const { width, height } = 'width' in upright ? upright : info
  const medium = await shrink(images, original, { side: SIDES.medium, quality: 80 })
  const thumbnail = await shrink(images, medium, { side: SIDES.thumbnail, quality: 75 })
  const tiny = await shrink(images, thumbnail, { side: SIDES.placeholder, quality: 30 })
  return {
    ...{ kind: 'image', contentType, extension, width, height },
    placeholder: `data:image/webp;base64,${btoa(String.fromCharCode(...(await bytesOf(tiny))))}`,
    original: new MemoryFile(original),
    medium: new MemoryFile(medium),
    thumbnail: new MemoryFile(thumbnail),
  }
}

async function shrink(
  images: ImagesBinding,
  content: Blob,
  { side, quality }: { readonly side: number; readonly quality: number },
): Promise<Blob> {
  return write(images, content, { format: 'image/webp', quality }, side)
}

async function write(
  images: ImagesBinding,
  content: Blob,
  output: ImageOutputOptions,
  side?: number,
): Promise<Blob> {
  const input = images.input(content.stream())
  const sized = side === undefined ? input : input.transform({ width: side, height: side, fit: 'scale-down' })
  const written = await sized.output({ ...output, anim: false }).catch(refuseFault)
  return new Response(written.image()).blob()
}

function refuseFault(error: unknown): never {
  const isUsedUp = error instanceof Error && 'code' in error && error.code === USED_UP
  if (!isUsedUp) return refuseBroken()
  const message = 'The file could not be checked now: try again'
  throw new RefusalError({ code: 'SERVICE_UNAVAILABLE', message, retryAfter: 60 })
}

async function bytesOf(content: Blob): Promise<Uint8Array> {
  return new Uint8Array(await content.arrayBuffer())
}
