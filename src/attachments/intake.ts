import type { Database } from '../db/connect.ts'
import { describeUpload, insertUpload, type StoredFile, setReady } from '../db/queries/attachments.ts'
import { refuse } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Attachment } from '../protocol/model.ts'
import type { Clock, Ids } from '../rooms/ports.ts'
import { type Keys, keysOf, type UploadPlace } from './keys.ts'
import type { ReceivedFile } from './multipart.ts'
import type {
  Allowed,
  BlobStore,
  FileChecked,
  FileChecker,
  Spool,
  SpooledFile,
  VirusScanner,
} from './ports.ts'

export interface IntakePorts {
  readonly db: Database
  readonly store: BlobStore
  readonly spool: Spool
  readonly checker: FileChecker
  /** Left out where nothing is scanned. */
  readonly scanner?: VirusScanner | undefined
  readonly clock: Clock
  readonly ids: Ids
  /** Whether documents may be sent in chats of every kind, and not in sessions alone. */
  readonly hasDocumentsEverywhere: boolean
}

/** Intake is the way of one file from the spool into the store. Whatever happens, the spool is empty afterwards. */
export interface Intake {
  take(file: ReceivedFile, place: UploadPlace): Promise<Attachment>
  /** Checks what a client put into the store itself, and moves it to its place. */
  complete(upload: StoredFile, place: UploadPlace): Promise<Attachment>
}

export function createIntake(ports: IntakePorts): Intake {
  const { db, store, spool, checker, scanner, clock, ids } = ports

  async function check({ file, fileName }: ReceivedFile, place: UploadPlace): Promise<FileChecked> {
    try {
      const found = await scanner?.scan(file)
      if (found !== undefined) refuse('VALIDATION_ERROR', `The file holds ${found}`)
      return await checker.check({ file, fileName, allowed: allowedIn(place) })
    } catch (error) {
      await file.remove()
      throw error
    }
  }

  function allowedIn(place: UploadPlace): Allowed {
    if (place.purpose === 'avatar') return 'images'
    const isSession = place.kind === 'session' || place.kind === 'notes'
    return isSession || ports.hasDocumentsEverywhere ? 'documents' : 'images'
  }

  /** The row first: what a crash leaves in the store is known by it, and goes with the other leftovers. */
  async function keep(
    id: string,
    checked: FileChecked,
    keys: Keys,
    record: () => Promise<void>,
  ): Promise<Attachment> {
    try {
      await record()
      const { original } = checked
      const puts = [store.put(keys.original, original, checked.contentType)]
      if (checked.kind === 'image') {
        puts.push(store.put(keys.medium ?? '', checked.medium, 'image/webp'))
        puts.push(store.put(keys.thumbnail ?? '', checked.thumbnail, 'image/webp'))
      }
      await Promise.all(puts)
      const ready = await setReady(db, id)
      if (ready) return ready
      await store.remove(Object.values(keys).filter((key) => key !== null))
      return refuse('NOT_FOUND', 'The upload was given up meanwhile')
    } finally {
      for (const file of filesOf(checked)) await file.remove()
    }
  }

  return {
    async take(received, place) {
      const id = ids.uuid()
      const checked = await check(received, place)
      const keys = keysOf(id, place, checked)
      const fields = { ...fieldsOf(checked, keys), fileName: received.fileName }
      const owner = { uploaderId: place.userId, chatId: place.purpose === 'avatar' ? null : place.chatId }
      const createdAt = new Date(clock.now())
      return keep(id, checked, keys, () => insertUpload(db, { id, ...owner, ...fields, createdAt }))
    },

    async complete({ attachment: { id, fileName, bytes }, keys: { original: arrival } }, place) {
      const file = await fetchArrival(store, spool, arrival)
      if (file.bytes !== bytes) {
        await file.remove()
        refuse('VALIDATION_ERROR', `${bytes} bytes were announced, and ${file.bytes} came`)
      }
      const checked = await check({ file, fileName }, place)
      const keys = keysOf(id, place, checked)
      const kept = await keep(id, checked, keys, () => describeUpload(db, id, fieldsOf(checked, keys)))
      await store.remove([arrival])
      return kept
    },
  }
}

async function fetchArrival(store: BlobStore, spool: Spool, key: string): Promise<SpooledFile> {
  const arrived = await store.get(key)
  if (!arrived) return refuse('CONFLICT', 'The file has not arrived: send it by the form first')
  if (arrived.bytes > LIMITS.attachmentBytes) {
    refuse('PAYLOAD_TOO_LARGE', `A file has at most ${LIMITS.attachmentBytes} bytes`)
  }
  const incoming = await spool.open()
  try {
    for await (const chunk of arrived.stream()) await incoming.write(chunk)
    return await incoming.finish()
  } catch (error) {
    await incoming.abort()
    throw error
  }
}

function filesOf(checked: FileChecked): readonly SpooledFile[] {
  return checked.kind === 'image' ? [checked.original, checked.medium, checked.thumbnail] : [checked.original]
}

/** What of a file the rows tell. */
function fieldsOf(checked: FileChecked, keys: Keys) {
  const isImage = checked.kind === 'image'
  return {
    kind: checked.kind,
    contentType: checked.contentType,
    bytes: checked.original.bytes,
    width: isImage ? checked.width : null,
    height: isImage ? checked.height : null,
    placeholder: isImage ? checked.placeholder : null,
    storageKey: keys.original,
    mediumKey: keys.medium,
    thumbnailKey: keys.thumbnail,
  }
}
