/**
 * SpooledFile is a file that is whole and at hand, on its way into the store. `stream` may be called again for another try.
 */
export interface SpooledFile {
  readonly bytes: number
  stream(): ReadableStream<Uint8Array>
  /** Frees what it takes. Never rejects; done twice is done once. */
  remove(): Promise<void>
}

/** Incoming is a file that arrives. Either `finish` or `abort` ends it. */
export interface Incoming {
  write(chunk: Uint8Array): Promise<void>
  finish(): Promise<SpooledFile>
  /** Never rejects. */
  abort(): Promise<void>
}

/**
 * Spool keeps files that arrive until they are in the store.
 * Failure: everything rejects with a RefusalError, INSUFFICIENT_STORAGE where there is no room.
 */
export interface Spool {
  open(): Promise<Incoming>
}

/** How a file is shown to whoever opens its URL. */
export interface BlobView {
  readonly contentType: string
  readonly fileName: string
}

/** UploadForm is what a browser sends a file with, as multipart/form-data, its field `file` last. */
export interface UploadForm {
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
}

/** FormWanted is what one upload form lets through: one key, one type, at most so many bytes, for so long. */
export interface FormWanted {
  readonly contentType: string
  readonly mostBytes: number
  readonly seconds: number
}

/**
 * BlobStore keeps files by key. A key is written once and never changed.
 * Atomicity: a file is there whole or not at all. Durability: `put` resolves when the store has it for good.
 * Failure: everything rejects with a RefusalError: INSUFFICIENT_STORAGE where the store is full, SERVICE_UNAVAILABLE
 * where it is away, slow or denies. What was refused may be tried again.
 */
export interface BlobStore {
  put(key: string, file: SpooledFile, contentType: string): Promise<void>
  /** undefined when there is none. */
  get(key: string): Promise<{ readonly bytes: number; stream(): ReadableStream<Uint8Array> } | undefined>
  /** Removing what is not there is no failure. */
  remove(keys: readonly string[]): Promise<void>
  /** A URL that needs no login, good for at most TIMES.signedUrl, and the same for some while, so that it is cached. */
  sign(key: string, view: BlobView): Promise<{ readonly url: string; readonly expiresAt: number }>
  /** Lets a client put one file past the service; undefined where the store has no such way. */
  signForm?(key: string, wanted: FormWanted): Promise<UploadForm>
  /** Answers the URLs that `sign` and `signForm` gave, where the store has no server of its own. */
  serve?(request: Request): Promise<Response>
  /** Whether it answers, within a second. Never rejects. */
  isUp(): Promise<boolean>
}

/** ImageChecked is an image in three sizes. `original` is made anew, upright and without its EXIF. */
export interface ImageChecked<File> {
  readonly kind: 'image'
  readonly contentType: string
  readonly extension: string
  readonly width: number
  readonly height: number
  /** A data URL of some 16 pixels. */
  readonly placeholder: string
  readonly original: File
  readonly medium: File
  readonly thumbnail: File
}

/** FileChecked is what a file turned out to be. */
export type FileChecked =
  | ImageChecked<SpooledFile>
  | {
      readonly kind: 'file'
      readonly contentType: string
      readonly extension: string
      readonly original: SpooledFile
    }

/** Leftover is what is to go beside the files whose rows say so. */
export interface Leftover {
  /** A chat that is deleted: its files and its picture. */
  readonly chatId?: string
  /** What a client put into the store itself, however late and however often. */
  readonly arrivalKey?: string
}

/** What may be sent where. */
export type Allowed = 'images' | 'documents'

export interface FileToCheck {
  readonly file: SpooledFile
  /** Tells only of texts whether they are a table; every other type is found by decoding. */
  readonly fileName: string
  /** `documents` are images too. */
  readonly allowed: Allowed
}

/**
 * FileChecker decodes a file and makes its renditions, apart from the thread that serves.
 * Failure: rejects with a RefusalError: UNSUPPORTED_MEDIA_TYPE or VALIDATION_ERROR when the file is to blame,
 * SERVICE_UNAVAILABLE when too many wait or it took too long, INSUFFICIENT_STORAGE. Whatever breaks, breaks for one file.
 */
export interface FileChecker {
  check(file: FileToCheck): Promise<FileChecked>
}

/** VirusScanner looks at what was sent as it was sent. Rejects with a RefusalError when it cannot be asked. */
export interface VirusScanner {
  /** The name of what was found. */
  scan(file: SpooledFile): Promise<string | undefined>
}
