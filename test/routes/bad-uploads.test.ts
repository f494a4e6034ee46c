import { strToU8 } from 'fflate'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { errorOf } from '../support/app.ts'
import { aFlatPicture, aForm, aPdf, aPng, type TestFile } from '../support/files.ts'
import { UploadScene } from '../support/uploads.ts'

let scene: UploadScene

beforeAll(async () => {
  scene = await UploadScene.open()
})
beforeEach(() => scene.begin())
afterAll(() => scene.it.close())

describe('what is no good', () => {
  const OVER = new Uint8Array(10_485_761).fill(65)

  test.each<[string, () => Promise<TestFile[]> | TestFile[], number, string]>([
    ['nothing', () => [], 400, 'images'],
    ['an empty file', () => [{ name: 'a.png', bytes: new Uint8Array() }], 400, 'images.0'],
    ['a file over 10 MB', () => [{ name: 'a.png', bytes: OVER }], 413, 'images.0'],
    ['six files', () => Array.from({ length: 6 }, () => aPng()), 400, 'images.5'],
    ['a text as picture', () => [{ name: 'a.png', bytes: strToU8('hello') }], 415, 'files.0'],
    ['an SVG', () => [{ name: 'a.svg', bytes: strToU8('<svg/>'), type: 'image/svg+xml' }], 415, 'files.0'],
    ['a PDF in a group', () => [{ name: 'a.pdf', bytes: aPdf() }], 415, 'files.0'],
    ['a picture cut short', () => [{ name: 'a.png', bytes: aPng().bytes.slice(0, 40) }], 400, 'files.0'],
    [
      'a picture of 16,000 x 16,000',
      async () => [{ name: 'a.png', bytes: await aFlatPicture('png', 16_000) }],
      400,
      'files.0',
    ],
    [
      'a script that begins as GIF',
      () => [{ name: 'a.gif', bytes: strToU8('GIF89a=1;alert(1)') }],
      400,
      'files.0',
    ],
    ['one bad among good', () => [aPng(), { name: 'b.png', bytes: strToU8('b') }, aPng()], 415, 'files.1'],
  ])('%s is refused, and leaves nothing', async (_, files, status, field) => {
    await scene.it.deps.attachments?.sweep()
    const before = await scene.countFiles()
    const answer = await scene.upload(await files())
    expect([answer.status, errorOf(answer).details[0]?.field], answer.text).toEqual([status, field])
    await scene.it.deps.attachments?.sweep()
    expect(await scene.countFiles()).toBe(before)
  })

  test('a form of another kind, cut off or without a chat is refused', async () => {
    const route = 'POST /api/attachments/upload'
    const ask = (text: string, type: string, query = `?chatId=${scene.chat.id}`) =>
      scene.it.call(route + query, { token: scene.ann.token, text, headers: { 'Content-Type': type } })
    expect((await ask('{}', 'application/json')).status).toBe(415)
    expect((await ask('x', 'multipart/form-data; x=y')).status).toBe(400)
    const part = '--b\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\nabc'
    for (const text of [
      part,
      '--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--',
      `${'x'.repeat(9_000)}`,
      '',
    ]) {
      expect((await ask(text, 'multipart/form-data; boundary=b')).status).toBe(400)
    }
    const encoded = part.replace('filename="a.png"', "filename*=UTF-8''%E0%A4%A")
    expect((await ask(encoded, 'multipart/form-data; boundary=b')).status).toBe(400)
    const none = await scene.it.call(route, { token: scene.ann.token, form: aForm({}, aPng()) })
    expect([none.status, errorOf(none).details[0]?.field]).toEqual([400, 'chatId'])
    const unknown = await scene.it.call(route, {
      token: scene.ann.token,
      form: aForm({ chatId: scene.chat.id, x: 'y' }, aPng()),
    })
    expect([unknown.status, errorOf(unknown).details[0]?.field]).toEqual([400, 'x'])
    const field = new FormData()
    field.append('photo', new Blob([aPng().bytes]), 'a.png')
    expect(
      (await scene.it.call(`${route}?chatId=${scene.chat.id}`, { token: scene.ann.token, form: field }))
        .status,
    ).toBe(400)
  })

  test('what is too large is refused while it arrives', async () => {
    let sent = 0
    const head = '--b\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(sent === 0 ? strToU8(head) : new Uint8Array(65_536))
        sent += 65_536
        if (sent > 100_000_000) controller.close()
      },
    })
    const headers = {
      Authorization: `Bearer ${scene.ann.token}`,
      'Content-Type': 'multipart/form-data; boundary=b',
    }
    const url = `http://parley/api/attachments/upload?chatId=${scene.chat.id}`
    const request = new Request(url, { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
    const response = await scene.it.app.request(request, {}, { address: null })
    expect(response.status).toBe(413)
    // 10 MB, and the 2 MB that are passed over so that the sender hears why.
    expect(sent).toBeLessThan(13_500_000)
  })

  test('who goes away in the middle leaves nothing', async () => {
    const begun = Promise.withResolvers<void>()
    const head = '--b\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'
    let pieces = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pieces += 1
        if (pieces === 1) controller.enqueue(strToU8(head))
        else if (pieces < 20) controller.enqueue(new Uint8Array(65_536))
        else {
          begun.resolve()
          controller.error(new Error('aborted'))
        }
      },
    })
    const headers = {
      Authorization: `Bearer ${scene.ann.token}`,
      'Content-Type': 'multipart/form-data; boundary=b',
    }
    const url = `http://parley/api/attachments/upload?chatId=${scene.chat.id}`
    const before = await scene.countFiles()
    const request = new Request(url, { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
    const response = await scene.it.app.request(request, {}, { address: null })
    await begun.promise
    expect(response.status).toBe(400)
    expect(await scene.countFiles()).toBe(before)
  })

  test.each([
    ['../../etc/passwd', 'passwd'],
    ['..\\..\\boot.ini', 'boot.ini'],
    ['.htaccess', 'htaccess'],
    ['a\r\nSet-Cookie: x=y.png', 'aSet-Cookie_ x=y.png'],
    ['photo\u202egpj.exe', 'photogpj.exe'],
    ['צילום.png', 'צילום.png'],
    [`${'n'.repeat(300)}.png`, `${'n'.repeat(251)}.png`],
    ['///', 'file'],
  ])('the name %j becomes %j', async (given, name) => {
    const form = aForm({ chatId: scene.chat.id })
    form.append('images', new Blob([aPng().bytes]), given)
    const answer = await scene.it.call('POST /api/attachments/upload', { token: scene.ann.token, form })
    expect(answer.body.attachments[0].fileName).toBe(name)
    const shown = await scene.show(answer.body.attachments[0].url, scene.ann)
    expect(shown.headers.get('Set-Cookie')).toBeNull()
    expect(shown.headers.get('Content-Disposition')).toContain('attachment; ')
  })
})
