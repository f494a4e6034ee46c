import { strToU8 } from 'fflate'
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createJobStore } from '../../src/db/jobs.ts'
import { TIMES } from '../../src/protocol/limits.ts'
import type { Attachment } from '../../src/protocol/model.ts'
import { createRemoveFiles, REMOVE_FILES } from '../../src/workers/remove-files.ts'
import { runDue } from '../../src/workers/runner.ts'
import { createTestApp, errorOf } from '../support/app.ts'
import { aDocx, aForm, aPdf, aPhotograph, aPng } from '../support/files.ts'
import { createGroup, send } from '../support/people.ts'
import { UploadScene } from '../support/uploads.ts'

let scene: UploadScene

beforeAll(async () => {
  scene = await UploadScene.open()
})
beforeEach(() => scene.begin())
afterAll(() => scene.it.close())

describe('a picture', () => {
  test('goes up, with a message, and comes back in three sizes, without EXIF', async () => {
    const photograph = await aPhotograph({ width: 2_000, height: 1_500 })
    const [picture] = await scene.uploaded({ name: 'IMG 1.JPG', bytes: photograph })
    expect(picture).toMatchObject({ kind: 'image', fileName: 'IMG 1.JPG', width: 1_500, height: 2_000 })
    const sent = await scene.send(picture)
    expect(sent.body.message).toMatchObject({ content: '', attachments: [picture] })
    for (const [path, height] of [
      [picture?.url, 2_000],
      [picture?.mediumUrl, 1_280],
      [picture?.thumbnailUrl, 320],
    ] as const) {
      const response = await scene.show(path ?? '', scene.ben)
      const metadata = await sharp(await response.arrayBuffer()).metadata()
      expect([metadata.height, metadata.exif]).toEqual([height, undefined])
    }
    const history = await scene.it.call(`GET /api/chats/${scene.chat.id}/messages`, {
      token: scene.ben.token,
    })
    expect(history.body.data[0].attachments).toEqual([picture])
  })

  test('is served so that nothing in it can run, by ranges, and for an hour at most', async () => {
    const [picture] = await scene.uploaded(aPng('x".html'))
    const whole = await scene.show(picture?.url ?? '', scene.ann)
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'image/png',
      'x-content-type-options': 'nosniff',
      'content-disposition': `attachment; filename="x_.html"; filename*=UTF-8''x_.html`,
      'content-security-policy': expect.stringMatching(/default-src 'none'.*sandbox/),
      'cross-origin-resource-policy': 'cross-origin',
    })
    expect(whole.headers.get('cache-control')).toMatch(/^private, max-age=\d+, immutable/)
    const bytes = new Uint8Array(await whole.arrayBuffer())
    const part = await scene.show(picture?.url ?? '', scene.ann, { Range: 'bytes=1-3' })
    expect(part.status).toBe(206)
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(1, 4))
    const past = await scene.show(picture?.url ?? '', scene.ann, { Range: 'bytes=100000-' })
    expect(past.status).toBe(416)
    const answer = await scene.it.call(`GET ${picture?.url}`, { token: scene.ann.token })
    const location = answer.headers.get('Location') ?? ''
    for (const forged of [
      location.replace(/expires=\d/, 'expires=9'),
      location.replace('png', 'jpg'),
      '/blobs/a',
    ]) {
      expect((await scene.it.app.request(forged, {}, { address: null })).status).toBe(403)
    }
    scene.it.auth.clock.pass(TIMES.signedUrl)
    expect((await scene.it.app.request(location, {}, { address: null })).status).toBe(403)
  })

  test('comes with its message in one form', async () => {
    const fields = { content: 'Look', mentions: JSON.stringify([scene.ben.id]), id: scene.it.deps.ids.uuid() }
    const form = () => aForm(fields, aPng('a.png'), aPng('b.png'))
    const answer = await scene.it.call(`POST /api/chats/${scene.chat.id}/messages`, {
      token: scene.ann.token,
      form: form(),
    })
    expect(answer.status, answer.text).toBe(201)
    const { message } = answer.body
    expect(message).toMatchObject({ id: fields.id, content: 'Look', mentions: [scene.ben.id] })
    expect(message.attachments.map(({ fileName }: Attachment) => fileName)).toEqual(['a.png', 'b.png'])
    const again = await scene.it.call(`POST /api/chats/${scene.chat.id}/messages`, {
      token: scene.ann.token,
      form: form(),
    })
    expect([again.status, again.body]).toEqual([200, { ...answer.body, replayed: true }])
    const { rows } = await scene.it.db.pool.query(
      'select storage_key from attachments where message_id = $1',
      [fields.id],
    )
    expect(rows[0].storage_key).toMatch(
      new RegExp(`^chat-service/groups/${scene.chat.id}/messages/${fields.id}/[0-9a-f-]{36}\\.png$`),
    )
  })

  test('needs no words with it, and a form without files does', async () => {
    const path = `POST /api/chats/${scene.chat.id}/messages`
    expect((await scene.it.call(path, { token: scene.ann.token, form: aForm({}, aPng()) })).status).toBe(201)
    expect(
      (await scene.it.call(path, { token: scene.ann.token, form: aForm({ content: 'Only words' }) })).status,
    ).toBe(201)
    const empty = await scene.it.call(path, { token: scene.ann.token, form: aForm({ content: '' }) })
    expect([empty.status, errorOf(empty).details[0]?.field]).toEqual([400, 'content'])
  })

  test('goes past the service by a form of the store, and is checked when it is completed', async () => {
    const photograph = await aPhotograph()
    const body = {
      chatId: scene.chat.id,
      fileName: 'a.jpg',
      contentType: 'image/jpeg',
      bytes: photograph.length,
    }
    const begun = await scene.it.call('POST /api/attachments/direct', { token: scene.ann.token, body })
    const { id, form } = begun.body
    const complete = () =>
      scene.it.call(`POST /api/attachments/${id}/complete`, { token: scene.ann.token, body: {} })
    expect((await complete()).status).toBe(409)
    const put = (fields: Record<string, string>, bytes = photograph) => {
      const filled = aForm(fields)
      filled.append('file', new Blob([bytes]), 'a.jpg')
      return scene.it.app.request(form.url, { method: 'POST', body: filled }, { address: null })
    }
    expect((await put({ ...form.fields, key: 'chat-service/other' })).status).toBe(403)
    expect((await put({ ...form.fields, most: '99999999' })).status).toBe(403)
    expect((await put(form.fields, new Uint8Array([...photograph, 0]))).status).toBe(413)
    expect((await put(form.fields)).status).toBe(204)
    const completed = await complete()
    expect(completed.body.attachment).toMatchObject({ id, kind: 'image', width: 300, height: 400 })
    expect((await complete()).body).toEqual(completed.body)
    // What is sent by the form once more goes with the job that it left.
    expect((await put(form.fields)).status).toBe(204)
    const { rows } = await scene.it.db.pool.query(
      "select run_at > now() + interval '23 hours' as later from jobs where payload->>'arrivalKey' = $1",
      [form.fields.key],
    )
    expect(rows).toEqual([{ later: true }])
    expect((await scene.send(completed.body.attachment)).status).toBe(201)
    scene.it.auth.clock.pass(900_000)
    expect((await put(form.fields)).status).toBe(403)
  })
})

describe('an upload', () => {
  test('of another, of another chat, or that another message has, is NOT_FOUND', async () => {
    const [own] = await scene.uploaded(aPng())
    expect((await scene.send(own, scene.ben)).status).toBe(404)
    const elsewhere = await createGroup(scene.it, [scene.ann, scene.ben])
    const body = { attachmentIds: [own?.id] }
    expect(
      (await scene.it.call(`POST /api/chats/${elsewhere.id}/messages`, { token: scene.ann.token, body }))
        .status,
    ).toBe(404)
    expect((await scene.send(own)).status).toBe(201)
    expect((await scene.send(own)).status).toBe(404)
    expect((await scene.upload([aPng()], scene.eve)).status).toBe(404)
  })

  test('is seen by its sender alone until a message has it, and then by who may see the message', async () => {
    const [own] = await scene.uploaded(aPng())
    const path = `GET ${own?.url}`
    const statuses = async () =>
      Promise.all(
        [scene.ann, scene.ben, scene.eve].map(
          async ({ token }) => (await scene.it.call(path, { token })).status,
        ),
      )
    expect(await statuses()).toEqual([302, 404, 404])
    await scene.send(own)
    expect(await statuses()).toEqual([302, 302, 404])
    await scene.it.call(`DELETE /api/chats/${scene.chat.id}/participants/${scene.ben.id}`, {
      token: scene.ann.token,
    })
    expect(await statuses()).toEqual([302, 404, 404])
  })

  test('is hidden with the messages before one joined', async () => {
    scene.chat = await createGroup(scene.it, [scene.ann], { history: 'since_join' })
    const [own] = await scene.uploaded(aPng())
    await scene.send(own)
    await scene.it.call(`POST /api/chats/${scene.chat.id}/participants`, {
      token: scene.ann.token,
      body: { userIds: [scene.ben.id] },
    })
    expect((await scene.it.call(`GET ${own?.url}`, { token: scene.ben.token })).status).toBe(404)
  })

  test('is given up by its sender until a message has it', async () => {
    const [one, two] = await scene.uploaded(aPng(), aPng())
    const remove = (id = '', by = scene.ann) =>
      scene.it.call(`DELETE /api/attachments/${id}`, { token: by.token })
    expect((await remove(one?.id, scene.ben)).status).toBe(404)
    expect((await remove(one?.id)).status).toBe(204)
    expect((await remove(one?.id)).status).toBe(404)
    await scene.send(two)
    expect((await remove(two?.id)).status).toBe(409)
    expect((await remove(two?.id, scene.ben)).status).toBe(409)
  })

  test('goes with its message: the row and the files', async () => {
    const [own] = await scene.uploaded(aPng())
    const { message } = (await scene.send(own)).body
    await scene.it.call(`DELETE /api/messages/${message.id}`, { token: scene.ann.token })
    expect((await scene.it.call(`GET ${own?.url}`, { token: scene.ann.token })).status).toBe(404)
    const { rows } = await scene.it.db.pool.query(
      "select 1 from jobs where kind = 'remove-files' and run_at <= now()",
    )
    expect(rows.length).toBeGreaterThan(0)
    expect(await scene.it.deps.attachments?.sweep()).toBeGreaterThan(0)
    const read = await scene.it.call(`GET /api/messages/${message.id}`, { token: scene.ben.token })
    expect(read.body.message).toMatchObject({ isDeleted: true, attachments: [] })
  })

  test('goes with its chat, with all other files of it and its picture', async () => {
    const [claimed, spare] = await scene.uploaded(aPng(), aPng())
    await scene.send(claimed)
    const form = aForm({ purpose: 'avatar' }, aPng())
    const { body } = await scene.it.call('POST /api/attachments/upload', { token: scene.ann.token, form })
    const avatarId: string = body.attachments[0].id
    const chat = `/api/chats/${scene.chat.id}`
    await scene.it.call(`PUT ${chat}`, { token: scene.ann.token, body: { avatarId } })
    await runRemoveFiles()
    const count = () => scene.countFiles()
    const before = await count()
    await scene.it.call(`DELETE ${chat}`, { token: scene.ann.token })
    await runRemoveFiles()
    expect(await count()).toBe(before - 3)
    for (const path of [claimed?.url, spare?.url, `/api/avatars/${avatarId}`])
      expect((await scene.it.call(`GET ${path}`, { token: scene.ann.token })).status).toBe(404)
  })

  test('that no message has is gone after 24 hours, and one that a message has stays', async () => {
    const [left, claimed] = await scene.uploaded(aPng(), aPng())
    await scene.send(claimed)
    scene.it.auth.clock.pass(TIMES.unclaimedUpload - 60_000)
    await scene.it.deps.attachments?.sweep()
    const seen = async (attachment?: Attachment) =>
      (await scene.it.call(`GET ${attachment?.url}`, { token: (await scene.fresh(scene.ann)).token })).status
    expect(await seen(left)).toBe(302)
    scene.it.auth.clock.pass(120_000)
    await scene.it.deps.attachments?.sweep()
    expect([await seen(left), await seen(claimed)]).toEqual([404, 302])
  })
})

test('documents go where the service says so, and are saved, never shown', async () => {
  const open = await createTestApp({ DOCUMENTS: 'everywhere' })
  try {
    const user = await open.user()
    const group = await createGroup(open, [user])
    const files = [
      { name: 'a.pdf', bytes: aPdf() },
      { name: 'b.docx', bytes: aDocx() },
      { name: 'c.csv', bytes: strToU8('a,b\n') },
    ]
    const form = aForm({ chatId: group.id }, ...files)
    const { body } = await open.call('POST /api/attachments', { token: user.token, form })
    expect(
      body.attachments.map(({ kind, contentType }: Attachment) => [kind, contentType.slice(0, 15)]),
    ).toEqual([
      ['file', 'application/pdf'],
      ['file', 'application/vnd'],
      ['file', 'text/csv; chars'],
    ])
    const words = await send(open, user, group, 'Words go on as before')
    expect(words.attachments).toEqual([])
  } finally {
    await open.close()
  }
})

describe('a picture of somebody', () => {
  async function pictured(): Promise<string> {
    const form = aForm({ purpose: 'avatar' }, aPng())
    const answer = await scene.it.call('POST /api/attachments/upload', { token: scene.ann.token, form })
    expect(answer.status, answer.text).toBe(201)
    return answer.body.attachments[0].id
  }
  /** As an img in a page asks: without a token. */
  const statusOf = async (path: string) => (await scene.it.call(`GET ${path}`)).status

  test('of a user is sent as a file, seen by everybody, and gone when another takes its place', async () => {
    const route = 'PATCH /api/users/me/avatar'
    const { token } = scene.ann
    const [first, second] = [await pictured(), await pictured()]
    expect(await statusOf(`/api/avatars/${first}`)).toBe(404)
    const changed = await scene.it.call(route, { token, body: { attachmentId: first } })
    expect(changed.body.user.avatarUrl).toBe(`/api/avatars/${first}`)
    expect(await statusOf(`/api/avatars/${first}`)).toBe(302)
    await scene.it.call(route, { token, body: { attachmentId: second } })
    expect(await statusOf(`/api/avatars/${first}`)).toBe(404)
    expect(await statusOf(`/api/avatars/${second}`)).toBe(302)
    const other = await scene.it.call(route, {
      token: scene.ben.token,
      body: { attachmentId: await pictured() },
    })
    expect(other.status).toBe(404)
    expect((await scene.it.call(route, { token, body: {} })).status).toBe(400)
  })

  test('of a group is told to all in it, and a refused one is given up', async () => {
    const route = `PUT /api/chats/${scene.chat.id}`
    const avatarId = await pictured()
    const changed = await scene.it.call(route, { token: scene.ann.token, body: { avatarId } })
    expect(changed.body.chat.avatarUrl).toBe(`/api/avatars/${avatarId}`)
    const renamed = await scene.it.call(route, { token: scene.ann.token, body: { name: 'Other' } })
    expect(renamed.body.chat.avatarUrl).toBe(`/api/avatars/${avatarId}`)
    const path = `/api/avatars/${avatarId}`
    expect(await statusOf(path)).toBe(302)
    await scene.it.call(route, { token: scene.ann.token, body: { avatarUrl: null } })
    expect(await statusOf(path)).toBe(404)
  })
})

/** Does the jobs that remove files and are due. */
async function runRemoveFiles(): Promise<void> {
  const { attachments } = scene.it.deps
  if (!attachments) throw new Error('There are no files')
  const store = createJobStore(scene.it.db, { onAdded() {} })
  const handlers = { [REMOVE_FILES]: createRemoveFiles(attachments) }
  const onFault = ({ error }: { error: unknown }) => expect.unreachable(String(error))
  await runDue({ store, handlers, random: Math.random, firstPause: 1_000, onFault })
}
