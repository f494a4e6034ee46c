import { readFile, rm, writeFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import type { Allowed, ImageChecked } from '../../../attachments/ports.ts'
import { type Refusal, RefusalError } from '../../../protocol/errors.ts'
import { checkDocument } from '../../../workers/check-document.ts'
import { type DocumentType, refuseType, signatureOf } from '../../../workers/file-types.ts'
import { toStorageFault } from './storage-fault.ts'

/** CheckTask is one file to look at; what is made of it is written beside it. */
export interface CheckTask {
  readonly path: string
  readonly fileName: string
  readonly allowed: Allowed
}

/** Written is a rendition on disk. */
export interface Written {
  readonly path: string
  readonly bytes: number
}

/** CheckAnswer is what the process says of a file: errors lose what they are on their way between processes. */
export type CheckAnswer =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | ({ readonly kind: 'file' } & DocumentType)
  | ImageChecked<Written>

/** Of processor time it takes what the chats leave: a picture can wait. */
const NICENESS = 10

setPriority(NICENESS)
process.on('message', async (task: CheckTask) => process.send?.(await answer(task)))
// Ctrl-C is for the service to act on.
process.on('SIGINT', () => {})
// Whoever asked is gone.
process.once('disconnect', () => process.exit())

async function answer(task: CheckTask): Promise<CheckAnswer> {
  try {
    return await check(task)
  } catch (error) {
    const { refusal } = error instanceof RefusalError ? error : toStorageFault(error)
    return { kind: 'refused', refusal }
  }
}

async function check({ path, fileName, allowed }: CheckTask): Promise<CheckAnswer> {
  const bytes = await readFile(path)
  const signature = signatureOf(bytes)
  if (signature === 'image') return checkPicture(path, bytes)
  if (allowed === 'images') return refuseType()
  return { kind: 'file', ...checkDocument(bytes, signature, fileName) }
}

async function checkPicture(path: string, bytes: Uint8Array): Promise<CheckAnswer> {
  // Loaded with the first picture: it brings a library of its own.
  const { checkImage } = await import('../../../workers/check-image.ts')
  const { original, medium, thumbnail, ...found } = await checkImage(bytes)
  const written: string[] = []
  const write = async (name: string, content: Uint8Array): Promise<Written> => {
    const file = `${path}.${name}`
    written.push(file)
    await writeFile(file, content, { mode: 0o600 })
    return { path: file, bytes: content.length }
  }
  try {
    return {
      kind: 'image',
      ...found,
      original: await write('original', original),
      medium: await write('medium', medium),
      thumbnail: await write('thumbnail', thumbnail),
    }
  } catch (error) {
    for (const file of written) await rm(file, { force: true })
    throw error
  }
}
