import { expect, test } from 'vitest'
import { createClock } from '../../src/client/platform.ts'
import { createSendFile, type XhrConstructor } from '../../src/client/send-file.ts'
import { type UploadProgress, uploadAll } from '../../src/client/upload.ts'
import { anAttachment, uuid } from '../support/builders.ts'

const PICTURE = anAttachment(uuid(0xa1))
const edges = { clock: createClock(), random: () => 0 }
const tokens = { get: async () => 'old', renew: async () => 'new' }
const file = (size: number) => new File([new Uint8Array(size)], 'a.png')

function answer(status: number, body: object): Response {
  return new Response(JSON.stringify(body), { status })
}

/** Answers what it is given, one after another, and keeps who asked. */
function scripted(...answers: (Response | Error)[]) {
  const asked: string[] = []
  const fetch = async (_: unknown, init?: RequestInit) => {
    asked.push(new Headers(init?.headers).get('Authorization') ?? '')
    const next = answers.shift() ?? answer(201, { attachments: [PICTURE] })
    if (next instanceof Error) throw next
    return next
  }
  const send = createSendFile({
    url: 'http://parley',
    fetch: fetch as typeof globalThis.fetch,
    tokens,
    Xhr: undefined,
  })
  return { asked, send: send('chat') }
}

const error = (code: string) => ({
  error: { code, message: code, details: [], timestamp: '', requestId: '' },
})

test('only what failed is sent again', async () => {
  const fine = () => answer(201, { attachments: [PICTURE] })
  const { asked, send } = scripted(
    fine(),
    new Error('lost'),
    answer(503, error('SERVICE_UNAVAILABLE')),
    fine(),
  )
  const progress: UploadProgress[] = []
  const files = [file(10), file(20)]
  const onProgress = (it: UploadProgress) => progress.push(it)
  expect(await uploadAll(send, files, { ...edges, onProgress })).toEqual([PICTURE, PICTURE])
  expect(asked).toHaveLength(4)
  expect(progress.at(0)).toEqual({ sent: 10, total: 30 })
  expect(progress.at(-1)).toEqual({ sent: 30, total: 30 })
})

test('a token that is refused is renewed', async () => {
  const { asked, send } = scripted(answer(401, error('UNAUTHORIZED')))
  await uploadAll(send, [file(1)], edges)
  expect(asked).toEqual(['Bearer old', 'Bearer new'])
})

test('what is refused for good is not sent again', async () => {
  const { asked, send } = scripted(answer(415, error('UNSUPPORTED_MEDIA_TYPE')))
  await expect(uploadAll(send, [file(1), file(1)], edges)).rejects.toMatchObject({
    code: 'UNSUPPORTED_MEDIA_TYPE',
  })
  expect(asked).toHaveLength(1)
})

test('an upload ends by its signal', async () => {
  const { asked, send } = scripted()
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(uploadAll(send, [file(1)], { ...edges, signal })).rejects.toThrow('enough')
  expect(asked).toEqual([])
})

test('in a browser progress is told as bytes leave', async () => {
  class Xhr {
    status = 201
    responseText = JSON.stringify({ attachments: [PICTURE] })
    upload: { onprogress: ((event: { loaded: number }) => void) | null } = { onprogress: null }
    onload: (() => void) | null = null
    onerror = null
    onabort = null
    open() {}
    setRequestHeader() {}
    getResponseHeader = () => null
    abort() {}
    send() {
      for (const loaded of [4, 10, 12]) this.upload.onprogress?.({ loaded })
      this.onload?.()
    }
  }
  const send = createSendFile({ url: 'http://parley', fetch, tokens, Xhr: Xhr as XhrConstructor })
  const sent: number[] = []
  await uploadAll(send('chat'), [file(10)], { ...edges, onProgress: (it) => sent.push(it.sent) })
  expect(sent).toEqual([4, 10, 10, 10])
})
