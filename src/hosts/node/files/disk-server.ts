import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { toDisposition } from '../../../attachments/file-name.ts'
import { receive } from '../../../attachments/multipart.ts'
import type { BlobStore, Spool } from '../../../attachments/ports.ts'
import { type UrlSigner, windowOf } from '../../../attachments/signed-url.ts'
import { refuse } from '../../../protocol/errors.ts'
import { LIMITS } from '../../../protocol/limits.ts'
import type { Clock } from '../../../rooms/ports.ts'

/** Where the URLs of the disk store lead. */
const PATH = '/blobs'

export interface DiskServerOptions {
  readonly folder: string
  readonly spool: Spool
  readonly clock: Clock
  readonly signer: UrlSigner
  readonly put: BlobStore['put']
}

/**
 * createDiskServer is the part of the disk store that a store of its own kind would have a server for. Its answers pass the app, which
 * says that nothing in them may run, load or be framed, whatever a browser takes it for.
 */
export function createDiskServer(
  options: DiskServerOptions,
): Required<Pick<BlobStore, 'sign' | 'signForm' | 'serve'>> {
  const { clock, signer } = options
  const app = createServer(options)
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
    serve: async (request) => app.fetch(request),
  }
}

function createServer({ folder, spool, clock, signer, put }: DiskServerOptions): Hono {
  async function verified(url: URL): Promise<Readonly<Record<string, string>>> {
    const parameters = await signer.verify(url)
    if (!parameters) return refuse('FORBIDDEN', 'This URL was not signed here: ask for another')
    if (Number(parameters.expires) <= clock.now()) refuse('FORBIDDEN', 'This URL has ended: ask for another')
    return parameters
  }

  const app = new Hono()
  app.onError((error) => {
    throw error
  })
  app.get(`${PATH}/*`, async (context, next) => {
    const { type = '', name = '', expires } = await verified(new URL(context.req.url))
    await next()
    if (!context.res.ok) return
    const { headers } = context.res
    headers.set('Content-Type', type)
    headers.set('Content-Disposition', toDisposition(name))
    headers.set('Accept-Ranges', 'bytes')
    const seconds = Math.max(0, Math.floor((Number(expires) - clock.now()) / 1_000))
    headers.set('Cache-Control', `private, max-age=${seconds}, immutable, no-transform`)
  })
  app.get(`${PATH}/*`, serveStatic({ root: folder, rewriteRequestPath: (path) => path.slice(PATH.length) }))
  app.notFound(() => refuse('NOT_FOUND', 'No such file'))
  app.post(PATH, async (context) => {
    // Signed fields come first, so that nothing is written for whoever has no signature.
    const admit = async (fields: ReadonlyMap<string, string>) =>
      void (await verified(new URL(`${PATH}?${new URLSearchParams([...fields])}`, context.req.url)))
    await receive(context.req.raw, {
      ...{ spool, files: 1, bytes: LIMITS.attachmentBytes, admit },
      async use({ fields, files: [received] }) {
        if (!received) return refuse('VALIDATION_ERROR', 'The form has no file')
        const most = Number(fields.get('most'))
        if (received.file.bytes > most) refuse('PAYLOAD_TOO_LARGE', `This form takes at most ${most} bytes`)
        await put(fields.get('key') ?? '', received.file, fields.get('type') ?? '')
      },
    })
    return context.body(null, 204)
  })
  return app
}
