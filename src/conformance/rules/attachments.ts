import type { Attachment } from '../../protocol/model.ts'
import { claim, same } from '../claims.ts'
import type { Person } from '../person.ts'
import type { ProtocolRule } from '../rule.ts'

const UPLOAD = 'POST /api/attachments/upload'
const SEND = 'POST /api/chats/:id/messages'
const SHOW = 'GET /api/attachments/:id/:size'
/** One pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII='
const LIMIT = 10_485_760

/** Files of messages. */
export const attachments: ProtocolRule[] = [
  {
    number: '17.1',
    title: 'an image is uploaded, claimed by a message, and heard with it',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const [picture] = await upload(people.ann, chatId, aForm(aPng()))
      same([picture?.kind, picture?.contentType, picture?.width], ['image', 'image/png', 1], 'The upload')
      const data = { chatId, attachmentIds: [picture?.id ?? ''] }
      const { message } = await sockets.ann.ask('message:send', data)
      same([message.content, message.attachments], ['', [picture]], 'The message')
      const event = await sockets.ben.event('message:new', chatId)
      same(event.data.message.attachments, [picture], 'The attachments of the event')
      same((await people.ben.history(chatId))[0]?.attachments, [picture], 'Those of the history')
    },
  },
  {
    number: '17.2',
    title: 'a URL of it needs no login, lets nothing run, and says its type',
    async run(context) {
      const { chatId, people } = await context.gather('ann')
      const [picture] = await upload(people.ann, chatId, aForm(aPng()))
      for (const [size, type] of Object.entries({
        original: 'image/png',
        medium: 'image/webp',
        thumbnail: 'image/webp',
      })) {
        const params = { id: picture?.id ?? '', size }
        const answer = await context.rest.send(SHOW, { params, token: await people.ann.token() })
        same(answer.status, 302, `The status of ${size}`)
        const response = await fetch(new URL(answer.headers.get('Location') ?? '', context.rest.url))
        same([response.status, response.headers.get('Content-Type')], [200, type], `The file ${size}`)
        claim(
          response.headers.get('Content-Disposition')?.startsWith('attachment') === true,
          'It is to be saved',
        )
      }
    },
  },
  {
    number: '17.3',
    title: 'what is no image is refused in a group, whatever it is called',
    async run(context) {
      const { chatId, people } = await context.gather('ann')
      const bad = ['<svg xmlns="http://www.w3.org/2000/svg"/>', '%PDF-1.4', 'MZ', '<script>alert(1)</script>']
      for (const text of bad) {
        const form = aForm(new File([text], 'tooth.png', { type: 'image/png' }))
        await people.ann.refused(
          UPLOAD,
          { form, query: { chatId } },
          { code: 'UNSUPPORTED_MEDIA_TYPE', field: 'files.0' },
        )
      }
      const cut = aForm(new File([aPngBytes().slice(0, 40)], 'c.png'))
      await people.ann.refused(
        UPLOAD,
        { form: cut, query: { chatId } },
        { code: 'VALIDATION_ERROR', field: 'files.0' },
      )
    },
  },
  {
    number: '17.4',
    title: 'a form has at most 5 files of at most 10 MB, none of them empty',
    async run(context) {
      const { chatId, people } = await context.gather('ann')
      const ask = (form: FormData) => ({ form, query: { chatId } })
      const six = aForm(...Array.from({ length: 6 }, () => aPng()))
      await people.ann.refused(UPLOAD, ask(six), { code: 'VALIDATION_ERROR', field: 'images.5' })
      await people.ann.refused(UPLOAD, ask(aForm(new File([], 'a.png'))), {
        code: 'VALIDATION_ERROR',
        field: 'images.0',
      })
      const large = new File([new Uint8Array(LIMIT + 1)], 'a.png')
      await people.ann.refused(UPLOAD, ask(aForm(large)), { code: 'PAYLOAD_TOO_LARGE', field: 'images.0' })
      await people.ann.refused(UPLOAD, { form: aForm(aPng()) }, { code: 'VALIDATION_ERROR', field: 'chatId' })
    },
  },
  {
    number: '17.5',
    title: 'a message claims uploads of its sender, of its chat, that no message has',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const other = await context.group([people.ann, people.ben])
      const [picture] = await upload(people.ann, chatId, aForm(aPng()))
      const attachmentIds = [picture?.id ?? '']
      const expected = { code: 'NOT_FOUND', field: 'attachmentIds' } as const
      await sockets.ben.refused('message:send', { chatId, attachmentIds }, expected)
      await sockets.ann.refused('message:send', { chatId: other, attachmentIds }, expected)
      await sockets.ann.ask('message:send', { chatId, attachmentIds })
      await sockets.ann.refused('message:send', { chatId, attachmentIds }, expected)
      await people.dan.refused(UPLOAD, { form: aForm(aPng()), query: { chatId } }, { code: 'NOT_FOUND' })
    },
  },
  {
    number: '17.6',
    title: 'an upload is seen by its sender alone, and a file of a message by who takes part',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const [picture] = await upload(people.ann, chatId, aForm(aPng()))
      const params = { id: picture?.id ?? '' }
      const get = 'GET /api/attachments/:id'
      await people.ben.refused(get, { params }, { code: 'NOT_FOUND' })
      await sockets.ann.ask('message:send', { chatId, attachmentIds: [params.id] })
      same((await people.ben.call(get, { params })).attachment, picture, 'The attachment')
      await people.dan.refused(get, { params }, { code: 'NOT_FOUND' })
      const removed = { id: chatId, userId: people.ben.id }
      await people.ann.call('DELETE /api/chats/:id/participants/:userId', { params: removed })
      await people.ben.refused(get, { params }, { code: 'NOT_FOUND' })
    },
  },
  {
    number: '17.7',
    title: 'files go with their message, and an upload until a message has it',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann')
      const [picture, spare] = await upload(people.ann, chatId, aForm(aPng(), aPng()))
      const params = { id: picture?.id ?? '' }
      const { message } = await sockets.ann.ask('message:send', { chatId, attachmentIds: [params.id] })
      await people.ann.refused('DELETE /api/attachments/:id', { params }, { code: 'CONFLICT' })
      await sockets.ann.ask('message:delete', { chatId, messageId: message.id })
      await people.ann.refused('GET /api/attachments/:id', { params }, { code: 'NOT_FOUND' })
      same((await people.ann.history(chatId))[0]?.attachments, [], 'The attachments of the tombstone')
      await people.ann.call('DELETE /api/attachments/:id', { params: { id: spare?.id ?? '' } })
      await sockets.ann.refused(
        'message:send',
        { chatId, attachmentIds: [spare?.id ?? ''] },
        { code: 'NOT_FOUND' },
      )
    },
  },
  {
    number: '17.8',
    title: 'a message comes with its files in one form, once for each id',
    async run(context) {
      const { chatId, people } = await context.gather('ann')
      const send = async (id: string) => {
        const form = new FormData()
        form.append('id', id)
        form.append('content', 'Look')
        form.append('images', aPng())
        return people.ann.answer(SEND, { params: { id: chatId }, form })
      }
      const id = context.messageId()
      const [first, again] = [await send(id), await send(id)]
      same([first.status, first.data.message.attachments.length], [201, 1], 'The first')
      same([again.status, again.data.message], [200, first.data.message], 'The retry')
    },
  },
]

async function upload(person: Person, chatId: string, form: FormData): Promise<Attachment[]> {
  const { status, data } = await person.answer(UPLOAD, { form, query: { chatId } })
  same(status, 201, 'The status of an upload')
  return data.attachments
}

function aForm(...files: readonly File[]): FormData {
  const form = new FormData()
  for (const file of files) form.append('images', file)
  return form
}

function aPng(): File {
  return new File([aPngBytes()], 'dot.png', { type: 'image/png' })
}

function aPngBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(PNG), (it) => it.charCodeAt(0))
}
