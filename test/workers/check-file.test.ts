import { strToU8 } from 'fflate'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { RefusalError } from '../../src/protocol/errors.ts'
import { checkImage } from '../../src/workers/check-image.ts'
import { checkOffice } from '../../src/workers/check-office.ts'
import { checkPdf } from '../../src/workers/check-pdf.ts'
import { checkText } from '../../src/workers/check-text.ts'
import { signatureOf } from '../../src/workers/file-types.ts'
import { aDocx, aFlatPicture, aPdf, aPhotograph, aPng } from '../support/files.ts'

/** The code of the refusal that the check ends with. */
async function refusalOf(check: () => unknown): Promise<string> {
  try {
    await check()
  } catch (error) {
    if (error instanceof RefusalError) return error.refusal.code
    throw error
  }
  return 'taken'
}

/** Of processor, so that it says the same on a busy machine. */
function millisecondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1_000
}

describe('an image', () => {
  test('is written anew, upright, without EXIF and place, in three sizes', async () => {
    const photograph = await aPhotograph({ width: 2_000, height: 1_500 })
    expect((await sharp(photograph).metadata()).exif).toBeDefined()
    const checked = await checkImage(photograph)
    expect(checked).toMatchObject({
      contentType: 'image/jpeg',
      extension: 'jpg',
      width: 1_500,
      height: 2_000,
    })
    for (const [bytes, height, format] of [
      [checked.original, 2_000, 'jpeg'],
      [checked.medium, 1_280, 'webp'],
      [checked.thumbnail, 320, 'webp'],
    ] as const) {
      const metadata = await sharp(bytes).metadata()
      expect(metadata).toMatchObject({ height, format })
      expect([metadata.exif, metadata.xmp, metadata.iptc, metadata.orientation]).toEqual(
        Array(4).fill(undefined),
      )
      expect(Buffer.from(bytes).includes('Somebody')).toBe(false)
    }
    expect(checked.placeholder).toMatch(/^data:image\/webp;base64,/)
    expect(checked.placeholder.length).toBeLessThan(1_000)
  })

  test.each([
    { format: 'jpeg', storedAs: 'jpeg' },
    { format: 'png', storedAs: 'png' },
    { format: 'gif', storedAs: 'png' },
    { format: 'webp', storedAs: 'webp' },
  ] as const)('may be $format, and is stored as $storedAs', async ({ format, storedAs }) => {
    const bytes = await aFlatPicture(format, 20)
    expect(signatureOf(bytes)).toBe('image')
    const checked = await checkImage(bytes)
    expect(checked).toMatchObject({ contentType: `image/${storedAs}`, width: 20, height: 20 })
    expect((await sharp(checked.original).metadata()).format).toBe(storedAs)
  })

  test('that moves is stored as its first picture', async () => {
    const frame = (background: string) =>
      sharp({ create: { width: 8, height: 8, channels: 3, background } })
        .png()
        .toBuffer()
    const frames = await Promise.all(['red', 'blue'].map(frame))
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer()
    expect((await sharp(gif).metadata()).pages).toBe(2)
    const { original } = await checkImage(gif)
    expect((await sharp(original).metadata()).pages ?? 1).toBe(1)
  })

  test('of 16,000 x 16,000 pixels is refused before it is decoded', async () => {
    const bomb = await aFlatPicture('png', 16_000)
    const before = process.cpuUsage()
    expect(await refusalOf(() => checkImage(bomb))).toBe('VALIDATION_ERROR')
    expect(millisecondsOf(process.cpuUsage(before))).toBeLessThan(1_000)
  })

  test('with a side that not every host can decode is refused', async () => {
    const strip = (width: number) =>
      sharp({ create: { width, height: 2, channels: 3, background: 'red' } })
        .png()
        .toBuffer()
    expect(await checkImage(await strip(12_000))).toMatchObject({ width: 12_000, height: 2 })
    expect(await refusalOf(async () => checkImage(await strip(12_001)))).toBe('VALIDATION_ERROR')
  })

  test('that is cut short is refused', async () => {
    for (const whole of [await aPhotograph(), await aFlatPicture('png', 300), aPng().bytes]) {
      expect(await refusalOf(() => checkImage(whole.subarray(0, whole.length * 0.6)))).toBe(
        'VALIDATION_ERROR',
      )
    }
  })

  test('that is a script as well is refused, or loses what is no picture', async () => {
    const script = strToU8('GIF89a/*\0*/=1;alert(document.domain)//')
    expect(signatureOf(script)).toBe('image')
    expect(await refusalOf(() => checkImage(script))).toBe('VALIDATION_ERROR')
    const tail = strToU8('<script>alert(1)</script>')
    const gif = await aFlatPicture('gif', 10)
    const polyglot = new Uint8Array([...gif, ...tail])
    const { original } = await checkImage(polyglot)
    expect(Buffer.from(original).includes('<script>')).toBe(false)
  })

  test.each([
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
    ['HTML', '<!doctype html><script>alert(1)</script>'],
    ['a TIFF', 'II*\0'],
    ['a program', 'MZ\x90\0'],
  ])('is not what %s is, whatever its name', (_, text) => {
    expect(signatureOf(strToU8(text))).toBe('unknown')
  })
})

describe('a document', () => {
  test('may be PDF, docx or xlsx', () => {
    expect(checkPdf(aPdf()).contentType).toBe('application/pdf')
    expect(checkOffice(aDocx()).extension).toBe('docx')
    const sheet = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml'
    expect(checkOffice(aDocx({ 'xl/workbook.xml': strToU8('<workbook/>') }, sheet)).extension).toBe('xlsx')
  })

  test.each([
    ['a PDF that is cut short', () => checkPdf(aPdf().subarray(0, 60))],
    ['a PDF with a script', () => checkPdf(aPdf('/OpenAction<</S/JavaScript/JS(app.alert(1))>>'))],
    ['a PDF with a script in disguise', () => checkPdf(aPdf('/OpenAction<</S/J#61vaScript>>'))],
    ['a PDF that starts a program', () => checkPdf(aPdf('/OpenAction<</S/Launch/F(cmd.exe)>>'))],
    ['a document with macros', () => checkOffice(aDocx({ 'word/vbaProject.bin': strToU8('x') }))],
    [
      'a document that says it has macros',
      () => checkOffice(aDocx({}, 'application/vnd.ms-word.document.macroEnabled.main+xml')),
    ],
    ['a ZIP that is broken', () => checkOffice(aDocx().subarray(0, 80))],
    ['a text with control characters', () => checkText(strToU8('a\0b'), 'a.txt')],
  ])('that is %s is refused', async (_, check) => {
    expect(await refusalOf(check)).toBe('VALIDATION_ERROR')
  })

  test('that would unpack to more than 100 MB is refused, and not unpacked', async () => {
    const bomb = aDocx({ 'word/media/a.xml': new Uint8Array(120_000_000) })
    expect(bomb.length).toBeLessThan(1_000_000)
    const before = process.cpuUsage()
    expect(await refusalOf(() => checkOffice(bomb))).toBe('PAYLOAD_TOO_LARGE')
    expect(millisecondsOf(process.cpuUsage(before))).toBeLessThan(200)
  })

  test('that is any other ZIP, or no UTF-8, is of no type that is taken', async () => {
    expect(await refusalOf(() => checkOffice(aDocx({}, 'application/java-archive')))).toBe(
      'UNSUPPORTED_MEDIA_TYPE',
    )
    expect(await refusalOf(() => checkText(new Uint8Array([0xff, 0xfe, 0x80]), 'a.txt'))).toBe(
      'UNSUPPORTED_MEDIA_TYPE',
    )
  })

  test('of text is a table only by its name, and never a page', () => {
    expect(checkText(strToU8('a;b\n1;2\n'), 'a.CSV').contentType).toBe('text/csv; charset=utf-8')
    expect(checkText(strToU8('<script>alert(1)</script>'), 'a.html').contentType).toBe(
      'text/plain; charset=utf-8',
    )
  })
})
