import { refuse } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Clock } from '../rooms/ports.ts'
import { toDisposition } from './file-name.ts'
import { receive } from './multipart.ts'
import type { BlobStore, Spool } from './ports.ts'
import { type UrlSigner, windowOf } from './signed-url.ts'

/** Where the URLs of stores without a server of their own lead. */
const PATH = '/blobs'

export interface BlobServerOptions {
  readonly spool: Spool
  readonly clock: Clock
  readonly signer: UrlSigner
  readonly put: BlobStore['put']
  /** Answers with the bytes of a key, of all of it or of the range that is asked for; 404 where there is nothing. */
  readonly read: (key: string, request: Request) => Promise<Response>
}

/**
 * createBlobServer is the part of a store that others have a server for. Its answers pass the app, which says that
 * nothing in them may run, load or be framed, whatever a browser takes it for.
 */
export function createBlobServer({
  spool,
  clock,
  signer,
  put,
  read,
}: BlobServerOptions): Required<Pick<BlobStore, 'sign' | 'signForm' | 'serve'>> {
  async function verified(url: URL): Promise<Readonly<Record<string, string>>> {
    const parameters = await signer.verify(url)
    if (!parameters) return refuse('FORBIDDEN', 'This URL was not signed here: ask for another')
    if (Number(parameters.expires) <= clock.now()) refuse('FORBIDDEN', 'This URL has ended: ask for another')
    return parameters
  }

  async function show(request: Request, url: URL): Promise<Response> {
    const { type = '', name = '', expires } = await verified(url)
    const found = await read(url.pathname.slice(PATH.length + 1), request)
    if (found.status === 404) return refuse('NOT_FOUND', 'No such file')
    const headers = new Headers(found.headers)
    if (found.ok) {
      headers.set('Content-Type', type)
      headers.set('Content-Disposition', toDisposition(name))
      headers.set('Accept-Ranges', 'bytes')
      const seconds = Math.max(0, Math.floor((Number(expires) - clock.now()) / 1_000))
      headers.set('Cache-Control', `private, max-age=${seconds}, immutable, no-transform`)
    }
    return new Response(found.body, { status: found.status, headers })
  }

  async function take(request: Request): Promise<Response> {
    // Signed fields come first, so that nothing is written for whoever has no signature.
    const admit = async (fields: ReadonlyMap<string, string>) =>
      void (await verified(new URL(`${PATH}?${new URLSearchParams([...fields])}`, request.url)))
    await receive(request, {
      ...{ spool, files: 1, bytes: LIMITS.attachmentBytes, admit },
      async use({ fields, files: [received] }) {
        if (!received) return refuse('VALIDATION_ERROR', 'The form has no file')
        const most = Number(fields.get('most'))
        if (received.file.bytes > most) refuse('PAYLOAD_TOO_LARGE', `This form takes at most ${most} bytes`)
        await put(fields.get('key') ?? '', received.file, fields.get('type') ?? '')
      },
    })
    return new Response(null, { status: 204 })
  }

  return {
    async sign(key, { contentType, fileName }) {
      const { expiresAt } = windowOf(clock.now())
      const parameters = { type: contentType, name: fileName, expires: String(expiresAt) }
      return { url: await signer.sign(`${PATH}/${key}`, parameters), expiresAt }
    },
    async signForm(key, { contentType, mostBytes, seconds }) {
      const expires = String(clock.now() + seconds * 1_000)
      const signed = await signer.sign(PATH, { key, type: contentType, most: String(mostBytes), expires })
      return { url: PATH, fields: Object.fromEntries(new URLSearchParams(signed.slice(PATH.length))) }
    },
    async serve(request) {
      const url = new URL(request.url)
      if (request.method === 'GET' && url.pathname.startsWith(`${PATH}/`)) return show(request, url)
      if (request.method === 'POST' && url.pathname === PATH) return take(request)
      return refuse('NOT_FOUND', 'No such file')
    },
  }
}
