import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AttachmentEnvelope, BegunUpload, Uploaded } from '../../src/protocol/attachments.ts'
import { ACKS } from '../../src/protocol/commands.ts'
import type { Attachment } from '../../src/protocol/model.ts'
import { ChatEnvelope, Health, LoggedIn } from '../../src/protocol/rest.ts'
import { aFlatPicture, aForm, aPdf, aPhotograph, aPng, type TestFile } from '../support/files.ts'
import { startWorkerdServer, type WorkerdServer } from '../support/workerd.ts'

const PASSWORD = 'Tea-at-4!'
const text = new TextEncoder()

let server: WorkerdServer
let token: string
let chatId: string

beforeAll(async () => {
  server = await startWorkerdServer({ DOCUMENTS: 'everywhere' })
  const account = { username: 'ann', password: PASSWORD, passwordConfirm: PASSWORD }
  token = LoggedIn.parse(await (await call('POST', '/api/auth/register', account)).json()).accessToken
  const group = await call('POST', '/api/chats/group', { name: 'Tea', participantIds: [] })
  chatId = ChatEnvelope.parse(await group.json()).chat.id
})
afterAll(() => server?.stop())

function call(method: string, path: string, body?: object): Promise<Response> {
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(!(body instanceof FormData) && { 'Content-Type': 'application/json' }),
  }
  const sent = body instanceof FormData ? body : JSON.stringify(body)
  const init = { method, headers, redirect: 'manual', ...(body && { body: sent }) } as const
  return fetch(new URL(path, server.url), init)
}

const upload = (...files: TestFile[]) => call('POST', '/api/attachments', aForm({ chatId }, ...files))

async function uploaded(file: TestFile): Promise<Attachment> {
  const answer = await upload(file)
  const body = await answer.json()
  expect(answer.status, JSON.stringify(body)).toBe(201)
  const [attachment] = Uploaded.parse(body).attachments
  if (!attachment) throw new Error('No attachment was told')
  return attachment
}

async function urlOf(path: string | null): Promise<string> {
  const answer = await call('GET', path ?? '')
  expect(answer.status).toBe(302)
  return new URL(answer.headers.get('Location') ?? '', server.url).href
}

test('a photograph comes back upright, in three sizes, without EXIF, and by ranges', async () => {
  const picture = await uploaded({ name: 'a.jpg', bytes: await aPhotograph({ width: 2_000, height: 1_500 }) })
  expect(picture).toMatchObject({ contentType: 'image/jpeg', width: 1_500, height: 2_000 })
  expect(picture.placeholder).toMatch(/^data:image\/webp;base64,/)
  for (const [path, height] of [
    [picture.url, 2_000],
    [picture.mediumUrl, 1_280],
    [picture.thumbnailUrl, 320],
  ] as const) {
    const metadata = await sharp(await (await fetch(await urlOf(path))).arrayBuffer()).metadata()
    expect([metadata.height, metadata.exif]).toEqual([height, undefined])
  }
  const url = await urlOf(picture.url)
  const part = await fetch(url, { headers: { Range: 'bytes=0-1' } })
  expect([part.status, [...new Uint8Array(await part.arrayBuffer())]]).toEqual([206, [0xff, 0xd8]])
  expect(part.headers.get('Content-Range')).toBe(`bytes 0-1/${picture.bytes}`)
  const past = await fetch(url, { headers: { Range: 'bytes=99999999-' } })
  expect([past.status, (await past.arrayBuffer()).byteLength]).toEqual([200, picture.bytes])
  expect((await fetch(url.replace('image%2Fjpeg', 'text%2Fhtml'))).status).toBe(403)
})

test('a GIF becomes a PNG, and documents stay what they are', async () => {
  const gif = await uploaded({ name: 'a.gif', bytes: await aFlatPicture('gif', 40) })
  expect(gif).toMatchObject({ kind: 'image', contentType: 'image/png', width: 40, height: 40 })
  const webp = await uploaded({ name: 'a.webp', bytes: await aFlatPicture('webp', 40) })
  expect(webp).toMatchObject({ kind: 'image', contentType: 'image/webp' })
  const pdf = await uploaded({ name: 'a.pdf', bytes: aPdf() })
  expect(pdf).toMatchObject({ kind: 'file', contentType: 'application/pdf', mediumUrl: null })
  const shown = await fetch(await urlOf(pdf.url))
  expect(new Uint8Array(await shown.arrayBuffer())).toEqual(aPdf())
  expect(shown.headers.get('Content-Security-Policy')).toContain('sandbox')
})

test.each<[string, () => Promise<TestFile> | TestFile, number]>([
  ['a script that begins as GIF', () => ({ name: 'a.gif', bytes: text.encode('GIF89a=1;alert(1)') }), 400],
  ['a picture cut short', () => ({ name: 'a.png', bytes: aPng().bytes.slice(0, 40) }), 400],
  ['16,000 x 16,000', async () => ({ name: 'a.png', bytes: await aFlatPicture('png', 16_000) }), 400],
  ['a PDF cut short', () => ({ name: 'a.pdf', bytes: aPdf().slice(0, 60) }), 400],
  ['a program', () => ({ name: 'a.png', bytes: new Uint8Array([0x4d, 0x5a, 0, 0xff]) }), 415],
])('%s is refused', async (_, file, status) => {
  expect((await upload(await file())).status).toBe(status)
})

test('a file goes past the app by a form, and is checked then', async () => {
  const { bytes } = aPng()
  const wanted = { chatId, fileName: 'a.png', contentType: 'image/png', bytes: bytes.length }
  const begun = await call('POST', '/api/attachments/direct', wanted)
  const { id, form } = BegunUpload.parse(await begun.json())
  const filled = aForm(form.fields)
  filled.append('file', new Blob([bytes]), 'a.png')
  const put = await fetch(new URL(form.url, server.url), { method: 'POST', body: filled })
  expect(put.status).toBe(204)
  const completed = await call('POST', `/api/attachments/${id}/complete`, {})
  const { attachment } = AttachmentEnvelope.parse(await completed.json())
  expect(attachment).toMatchObject({ id, kind: 'image', width: 1, height: 1 })
})

test('files go from the bucket with their message, and health tells of it', async () => {
  const picture = await uploaded(aPng())
  const sent = await call('POST', `/api/chats/${chatId}/messages`, { attachmentIds: [picture.id] })
  const url = await urlOf(picture.url)
  expect((await fetch(url)).status).toBe(200)
  await call('DELETE', `/api/messages/${ACKS['message:send'].parse(await sent.json()).message.id}`)
  await expect.poll(async () => (await fetch(url)).status).toBe(404)
  expect(Health.parse(await (await call('GET', '/health')).json()).services.storage).toBe('ok')
})
