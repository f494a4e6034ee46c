import { strToU8, zipSync } from 'fflate'
import sharp from 'sharp'

export interface TestFile {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly type?: string
}

/** The smallest picture there is: one pixel. */
export function aPng(name = 'dot.png'): TestFile {
  const text = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII='
  return { name, bytes: Uint8Array.from(atob(text), (it) => it.charCodeAt(0)), type: 'image/png' }
}

/** A form with fields, and then files. */
export function aForm(fields: Readonly<Record<string, string>>, ...files: readonly TestFile[]): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  for (const { name, bytes, type = 'application/octet-stream' } of files) {
    form.append('images', new Blob([bytes], { type }), name)
  }
  return form
}

/** A photograph as a telephone makes it: lying on its side, with the place where it was taken. */
export async function aPhotograph({ width = 400, height = 300 } = {}): Promise<Uint8Array<ArrayBuffer>> {
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const
  const jpeg = await sharp({ create: { width, height, channels: 3, background: 'red', noise } })
    .jpeg({ quality: 90 })
    .withExif({ IFD0: { Artist: 'Somebody' }, IFD3: { GPSLatitude: '51/1 30/1 0/1', GPSLatitudeRef: 'N' } })
    .withMetadata({ orientation: 6 })
    .toBuffer()
  return new Uint8Array(jpeg)
}

/** A picture of one colour, of any size: few bytes, many pixels. */
export async function aFlatPicture(format: 'png' | 'gif' | 'webp' | 'jpeg', side: number) {
  const flat = { width: side, height: side, channels: 3 as const, background: 'green' }
  const picture = sharp({ create: flat, limitInputPixels: false })
  return new Uint8Array(await picture.toFormat(format).toBuffer())
}

const WORD = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'

/** A Word document as far as anybody looks, with more parts if wanted. */
export function aDocx(
  parts: Readonly<Record<string, Uint8Array>> = {},
  main = WORD,
): Uint8Array<ArrayBuffer> {
  const types = `<Types><Override PartName="/word/document.xml" ContentType="${main}"/></Types>`
  const all = {
    '[Content_Types].xml': strToU8(types),
    'word/document.xml': strToU8('<w:document/>'),
    ...parts,
  }
  return new Uint8Array(zipSync(all))
}

/** A PDF of one empty page, with something in its catalogue if wanted. */
export function aPdf(catalogue = ''): Uint8Array<ArrayBuffer> {
  const head = `%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R${catalogue}>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n`
  const text = `${head}xref\n0 3\ntrailer<</Size 3/Root 1 0 R>>\nstartxref\n${head.length}\n%%EOF\n`
  return Uint8Array.from(text, (it) => it.charCodeAt(0))
}
