import {
  abandonFiles,
  claimAvatar,
  discardUploads,
  findAbandonedAvatar,
  findUploadPlace,
  forgetFiles,
  insertUpload,
  releaseAvatar,
  type StoredFile,
  takeGarbage,
} from '../db/queries/attachments.ts'
import { type RefusalError, refuse } from '../protocol/errors.ts'
import { TIMES } from '../protocol/limits.ts'
import type { Attachment } from '../protocol/model.ts'
import { createIntake, type IntakePorts } from './intake.ts'
import { arrivalKeyOf, type UploadPlace } from './keys.ts'
import { type Received, type ReceivedFile, type ReceiveLimits, receive } from './multipart.ts'
import type { BlobStore, Leftover, UploadForm } from './ports.ts'

/** Files that one sweep removes; what is more waits for the next. */
const SWEPT_AT_ONCE = 200
/** Where pictures of users and chats are. */
const AVATARS = '/api/avatars/'
/** Seconds for which an upload form is good. */
const FORM_SECONDS = 900

export interface AttachmentPorts extends IntakePorts {
  /** Told in how many milliseconds files may wait to be removed. */
  readonly onGarbage: (delay: number, leftover?: Leftover) => Promise<void>
}

/** NewUpload is what a client says of a file that it puts into the store itself. */
export interface NewUpload {
  readonly userId: string
  readonly chatId: string
  readonly fileName: string
  readonly contentType: string
  readonly bytes: number
}

/** FormUse is what a form may bring, and what is done with it. */
export interface FormUse<T> extends ReceiveLimits {
  readonly use: (received: Received) => Promise<T>
}

export type Size = 'original' | 'medium' | 'thumbnail'

/** Attachments takes files in, keeps them, and shows them. */
export interface Attachments {
  readonly serve: BlobStore['serve']
  readonly isUp: BlobStore['isUp']
  /** Reads a form with files; see `receive` of multipart. */
  receive<T>(request: Request, form: FormUse<T>): Promise<T>
  /** Where files for this chat go; rejects as NOT_FOUND where the user may not send there. */
  getPlace(userId: string, chatId: string): Promise<UploadPlace & { readonly purpose: 'message' }>
  /** Checks and stores files, all or none of them. Rejects with a RefusalError that names the file. */
  take(files: readonly ReceivedFile[], place: UploadPlace): Promise<Attachment[]>
  /** Lets a user put one file into the store past the service. */
  begin(
    upload: NewUpload,
  ): Promise<{ readonly id: string; readonly form: UploadForm; readonly expiresAt: number }>
  /** Checks what was put there. */
  complete(upload: StoredFile, place: UploadPlace): Promise<Attachment>
  /** Gives up files that no message has; answers those that it gave up. */
  discard(ids: readonly string[]): Promise<readonly string[]>
  /** Makes an upload of the user's own a picture; answers the URL of it. Rejects as NOT_FOUND where it is none. */
  claimAvatar(userId: string, id: string): Promise<string>
  /** Gives up the picture that was of that URL, if it is one of ours. */
  releaseAvatar(url: string | null | undefined): Promise<void>
  /** A URL of the file, for TIMES.signedUrl at most; the original stands in for a size that there is not. */
  sign(file: StoredFile, size: Size): Promise<{ readonly url: string; readonly expiresAt: number }>
  /** Gives up what the leftover names; files go with the next sweeps. */
  abandon(leftover: Leftover): Promise<void>
  /** Removes files that nobody needs any more; answers how many, which is 0 once there are none. */
  sweep(): Promise<number>
}

export function createAttachments(ports: AttachmentPorts): Attachments {
  const { db, store, spool, clock, ids, onGarbage } = ports
  const intake = createIntake(ports)

  async function discard(given: readonly string[]): Promise<readonly string[]> {
    const discarded = await discardUploads(db, given)
    if (discarded.length > 0) await onGarbage(0)
    return discarded
  }

  async function releasePicture(url: string | null | undefined): Promise<boolean> {
    if (!url?.startsWith(AVATARS)) return false
    await releaseAvatar(db, url.slice(AVATARS.length))
    return true
  }

  return {
    serve: store.serve,
    isUp: store.isUp,
    receive: (request, form) => receive(request, { spool, ...form }),

    async getPlace(userId, chatId) {
      const kind = await findUploadPlace(db, { userId, chatId })
      return {
        purpose: 'message',
        userId,
        chatId,
        kind: kind ?? refuse('NOT_FOUND', 'No such chat among yours'),
      }
    },

    async take(files, place) {
      await onGarbage(TIMES.unclaimedUpload)
      const results = await Promise.allSettled(files.map((file) => intake.take(file, place)))
      const taken = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      if (taken.length === files.length) return taken
      await discard(taken.map(({ id }) => id))
      const failed = results.findIndex(({ status }) => status === 'rejected')
      throw naming(`files.${failed}`, (results[failed] as PromiseRejectedResult).reason)
    },

    async begin({ userId, ...upload }) {
      if (!store.signForm) {
        return refuse('NOT_FOUND', 'This service takes files by POST /api/attachments/upload alone')
      }
      const id = ids.uuid()
      const key = arrivalKeyOf(id)
      await onGarbage(TIMES.unclaimedUpload, { arrivalKey: key })
      const { contentType, bytes: mostBytes } = upload
      const form = await store.signForm(key, { contentType, mostBytes, seconds: FORM_SECONDS })
      const now = clock.now()
      const row = { id, uploaderId: userId, kind: 'file', storageKey: key, createdAt: new Date(now) } as const
      await insertUpload(db, { ...row, ...upload })
      return { id, form, expiresAt: now + FORM_SECONDS * 1_000 }
    },

    complete: intake.complete,
    discard,

    async claimAvatar(userId, id) {
      if (!(await claimAvatar(db, { userId, id })))
        refuse('NOT_FOUND', 'No such upload of yours for a picture')
      return AVATARS + id
    },

    async releaseAvatar(url) {
      if (await releasePicture(url)) await onGarbage(0)
    },

    async sign({ attachment, keys }, size) {
      const { contentType, fileName } = attachment
      const key = keys[size]
      if (size === 'original' || key === null) return store.sign(keys.original, { contentType, fileName })
      const stem = fileName.replace(/\.[^.]*$/, '')
      return store.sign(key, { contentType: 'image/webp', fileName: `${stem}-${size}.webp` })
    },

    async abandon({ chatId, arrivalKey }) {
      if (arrivalKey !== undefined) await store.remove([arrivalKey])
      if (chatId === undefined) return
      await releasePicture(await findAbandonedAvatar(db, chatId))
      while ((await abandonFiles(db, { chatId, limit: SWEPT_AT_ONCE })) > 0);
    },

    async sweep() {
      const before = new Date(clock.now() - TIMES.unclaimedUpload)
      const garbage = await takeGarbage(db, { before, limit: SWEPT_AT_ONCE })
      if (garbage.length === 0) return 0
      await store.remove(garbage.flatMap(({ keys }) => Object.values(keys).filter((key) => key !== null)))
      const removed = garbage.map(({ attachment }) => attachment.id)
      await forgetFiles(db, removed)
      return garbage.length
    },
  }
}

/** Says which of the files it is about, where the refusal does not. */
function naming(field: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('refusal' in error)) return error
  const { refusal } = error as RefusalError
  if (refusal.details?.length) return error
  return Object.assign(error, { refusal: { ...refusal, details: [{ field, message: refusal.message }] } })
}
