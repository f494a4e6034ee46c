import { decodeField, type MultipartError, make, type PartInfo } from 'multipasta'
import { type ErrorCode, RefusalError, refuse } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import { toFileName } from './file-name.ts'
import type { Incoming, Spool, SpooledFile } from './ports.ts'

/** The parts that files come in. */
const FILE_FIELDS = ['images', 'files', 'file']
/** Fields beside the files: those of a message, and room for some more. */
const FIELDS = 20

export interface ReceivedFile {
  readonly fileName: string
  readonly file: SpooledFile
}

/** Received is a form that has arrived whole. */
export interface Received {
  readonly fields: ReadonlyMap<string, string>
  readonly files: readonly ReceivedFile[]
}

export interface ReceiveLimits {
  readonly files: number
  /** Of one file. */
  readonly bytes: number
  /** Looks at what fields have come before the first byte of a file is kept; rejects to refuse it. */
  readonly admit?: (fields: ReadonlyMap<string, string>) => Promise<void>
}

/** isMultipart tells a form with files from JSON. */
export function isMultipart(request: Request): boolean {
  return /^multipart\/form-data\s*;/i.test(request.headers.get('Content-Type') ?? '')
}

/**
 * receive reads a form as it arrives: each file goes to the spool piece by piece, so that memory holds no more than a
 * piece of it, and the sender is held up where the spool is slow. Rejects with a RefusalError as soon as something is
 * too much or wrong, without reading on. `use` gets the whole form; afterwards, or when it never gets that far, nothing
 * of the files is left.
 */
export async function receive<T>(
  request: Request,
  { spool, use, ...limits }: ReceiveLimits & { spool: Spool; use: (received: Received) => Promise<T> },
): Promise<T> {
  if (!isMultipart(request)) refuse('UNSUPPORTED_MEDIA_TYPE', 'Send files as multipart/form-data')
  const form = new Form(request.headers.get('Content-Type') ?? '', spool, limits)
  try {
    for await (const piece of piecesOf(request)) await form.write(piece)
    return await use(await form.end())
  } finally {
    await form.discard()
  }
}

/** What a connection says that breaks is no fault of ours. */
async function* piecesOf({ body }: Request): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader()
  try {
    for (;;) {
      const piece = await reader?.read().catch(() => refuse('VALIDATION_ERROR', 'The upload was cut off'))
      if (!piece || piece.done) return
      yield piece.value
    }
  } finally {
    reader?.releaseLock()
  }
}

/** The parser calls back at once; what takes time waits in `steps` until the piece has been looked at. */
class Form {
  readonly #parser: ReturnType<typeof make>
  readonly #spool: Spool
  readonly #limits: ReceiveLimits
  readonly #fields = new Map<string, string>()
  readonly #files: ReceivedFile[] = []
  #started = 0
  #steps: (() => Promise<void>)[] = []
  #incoming: Incoming | undefined
  #fault: RefusalError | undefined

  constructor(contentType: string, spool: Spool, limits: ReceiveLimits) {
    this.#spool = spool
    this.#limits = limits
    this.#parser = make({
      headers: { 'content-type': contentType },
      maxParts: FIELDS + limits.files + 1,
      maxFieldSize: LIMITS.bodyBytes,
      isFile: (info) => namesOf(info).fileName !== undefined,
      onField: (info, value) => void this.#fields.set(info.name, decodeField(info, value)),
      onFile: (info) => this.#startFile(namesOf(info)),
      onError: (error) => this.#fail(...toFault(error)),
      onDone: () => {},
    })
  }

  async write(piece: Uint8Array): Promise<void> {
    this.#look(() => this.#parser.write(piece))
    await this.#settle()
  }

  async end(): Promise<Received> {
    this.#look(() => this.#parser.end())
    await this.#settle()
    return { fields: this.#fields, files: this.#files }
  }

  async discard(): Promise<void> {
    await this.#incoming?.abort()
    await Promise.all(this.#files.map(({ file }) => file.remove()))
  }

  #look(look: () => void): void {
    try {
      look()
    } catch {
      this.#fail('VALIDATION_ERROR', 'The form cannot be read: its headers are wrong')
    }
  }

  async #settle(): Promise<void> {
    for (const step of this.#steps.splice(0)) {
      // A file that is too large is not written to its end only because the rest of it came in the same piece.
      if (this.#fault) break
      await step()
    }
    if (this.#fault) throw this.#fault
  }

  #startFile({ name, fileName = '' }: Names): (chunk: Uint8Array | null) => void {
    const field = `${name}.${this.#started}`
    this.#started += 1
    if (!FILE_FIELDS.includes(name)) {
      this.#fail('VALIDATION_ERROR', `Send files as ${FILE_FIELDS.join(' or ')}`, name)
    } else if (this.#started > this.#limits.files) {
      this.#fail('VALIDATION_ERROR', `Send at most ${this.#limits.files} files`, field)
    }
    let bytes = 0
    this.#steps.push(async () => {
      await this.#limits.admit?.(this.#fields)
      this.#incoming = await this.#spool.open()
    })
    return (chunk) => {
      bytes += chunk?.length ?? 0
      if (chunk === null && bytes === 0) this.#fail('VALIDATION_ERROR', 'The file is empty', field)
      if (bytes > this.#limits.bytes) {
        this.#fail('PAYLOAD_TOO_LARGE', `A file has at most ${this.#limits.bytes} bytes`, field)
      }
      this.#steps.push(
        chunk === null ? () => this.#finish(fileName) : async () => this.#incoming?.write(chunk),
      )
    }
  }

  async #finish(fileName: string): Promise<void> {
    const file = await this.#incoming?.finish()
    this.#incoming = undefined
    if (file) this.#files.push({ fileName: toFileName(fileName), file })
  }

  /** Only the first fault is told. */
  #fail(code: ErrorCode, message: string, field = ''): void {
    this.#fault ??= new RefusalError({ code, message, details: [{ field, message }] })
  }
}

interface Names {
  readonly name: string
  readonly fileName: string | undefined
}

/** The parser knows no names beyond Latin-1: such a header is read here. Browsers escape three characters. */
function namesOf({ name, filename, headers }: PartInfo): Names {
  const header = String(headers['content-disposition'] ?? '')
  const quoted = (key: string) => new RegExp(`[;\\s]${key}="([^"]*)"`, 'i').exec(header)?.[1]
  return {
    name: name || (quoted('name') ?? ''),
    fileName: (filename ?? quoted('filename'))?.replace(/%(?:22|0D|0A)/gi, decodeURIComponent),
  }
}

function toFault(error: MultipartError): [ErrorCode, string] {
  switch (error._tag) {
    case 'InvalidBoundary':
      return ['VALIDATION_ERROR', 'The form has no boundary: send multipart/form-data; boundary=...']
    case 'BadHeaders':
    case 'InvalidDisposition':
      return ['VALIDATION_ERROR', 'A part of the form has wrong headers: each needs a name']
    case 'EndNotReached':
      return ['VALIDATION_ERROR', 'The form ends too soon']
    case 'ReachedLimit':
      return ['PAYLOAD_TOO_LARGE', `The form is too large: ${error.limit}`]
    default:
      return error satisfies never
  }
}
