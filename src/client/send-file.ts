import type { ErrorBody } from '../protocol/errors.ts'
import type { Attachment } from '../protocol/model.ts'
import { ParleyError, toParleyError } from './error.ts'
import type { TokenSource } from './ports.ts'
import type { SendFile } from './upload.ts'

/** What is used of an XMLHttpRequest, the one way by which browsers tell how much of a body has gone. */
interface XhrLike {
  readonly status: number
  readonly responseText: string
  readonly upload: { onprogress: ((event: { readonly loaded: number }) => void) | null }
  onload: (() => void) | null
  onerror: (() => void) | null
  onabort: (() => void) | null
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  getResponseHeader(name: string): string | null
  send(body: FormData): void
  abort(): void
}
export type XhrConstructor = new () => XhrLike

export interface SendFileOptions {
  readonly url: string
  readonly fetch: typeof fetch
  readonly tokens: TokenSource
  /** Where there is none, as in Node, progress is told when a file has arrived. */
  readonly Xhr: XhrConstructor | undefined
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly retryAfter: string | null
}

/** createSendFile sends files for a chat; a token that is refused is renewed once. */
export function createSendFile(options: SendFileOptions): (chatId: string) => SendFile {
  const { url, tokens, fetch, Xhr } = options
  return (chatId) =>
    async (file, { onSent, signal }) => {
      const address = new URL('/api/attachments/upload', url)
      address.searchParams.set('chatId', chatId)

      const ask = (token: string): Promise<Answer> => {
        const body = new FormData()
        body.append('files', file, file.name)
        if (Xhr) return askByXhr(new Xhr(), { url: address.href, token, body, onSent, signal })
        const headers = { Authorization: `Bearer ${token}` }
        return fetch(address, { method: 'POST', headers, body, ...(signal && { signal }) }).then(
          async (response) => ({
            ...{ status: response.status, text: await response.text() },
            retryAfter: response.headers.get('Retry-After'),
          }),
        )
      }

      const token = await tokens.get()
      let answer = await ask(token).catch(rethrow)
      if (answer.status === 401) answer = await ask(await tokens.renew(token)).catch(rethrow)
      return attachmentOf(answer)
    }
}

interface Asked {
  readonly url: string
  readonly token: string
  readonly body: FormData
  readonly onSent: (bytes: number) => void
  readonly signal: AbortSignal | undefined
}

function askByXhr(xhr: XhrLike, { url, token, body, onSent, signal }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const abort = () => xhr.abort()
    xhr.open('POST', url)
    xhr.setRequestHeader('Authorization', `Bearer ${token}`)
    xhr.upload.onprogress = ({ loaded }) => onSent(loaded)
    xhr.onload = () =>
      resolve({
        ...{ status: xhr.status, text: xhr.responseText },
        retryAfter: xhr.getResponseHeader('Retry-After'),
      })
    xhr.onerror = () => reject(new Error('The connection was lost'))
    xhr.onabort = () => reject(signal?.reason ?? new Error('Aborted'))
    signal?.addEventListener('abort', abort, { once: true })
    xhr.send(body)
  })
}

/** What is no error of the service's own (a proxy's page) counts as the service being away. */
function attachmentOf({ status, text, retryAfter }: Answer): Attachment {
  const seconds = Number(retryAfter) > 0 ? Number(retryAfter) : null
  let answer: { readonly attachments?: readonly Attachment[]; readonly error?: ErrorBody } = {}
  try {
    answer = JSON.parse(text)
  } catch {}
  const [attachment] = answer.attachments ?? []
  if (attachment) return attachment
  if (answer.error) throw ParleyError.of(answer.error, seconds)
  throw new ParleyError('SERVICE_UNAVAILABLE', `The service answered ${status}`, { retryAfter: seconds })
}

function rethrow(thrown: unknown): never {
  throw toParleyError(thrown)
}
