import type { ChatKind } from '../protocol/model.ts'
import type { FileChecked } from './ports.ts'

/** Where the files of an attachment lie in the store. */
export interface Keys {
  readonly original: string
  readonly medium: string | null
  readonly thumbnail: string | null
}

/** UploadPlace is where a file is to go: with a message of a chat, or as a picture of a user or a chat. */
export type UploadPlace = { readonly userId: string } & (
  | {
      readonly purpose: 'message'
      readonly chatId: string
      readonly kind: ChatKind
      /** The message that will have it, as far as its sender has named it. */
      readonly messageId?: string | undefined
    }
  | { readonly purpose: 'avatar' }
)

const ROOT = 'chat-service'

/** keysOf are the keys of a file that was checked, and of its renditions. */
export function keysOf(id: string, place: UploadPlace, { kind, extension }: FileChecked): Keys {
  const path = `${folderOf(id, place)}/${id}`
  const rendition = (size: string) => (kind === 'image' ? `${path}.${size}.webp` : null)
  return {
    original: `${path}.${extension}`,
    medium: rendition('medium'),
    thumbnail: rendition('thumbnail'),
  }
}

/** arrivalKeyOf is where a file lies that a client put into the store itself, until it is checked. */
export function arrivalKeyOf(id: string): string {
  return `${ROOT}/arrivals/${id}`
}

function folderOf(id: string, place: UploadPlace): string {
  if (place.purpose === 'avatar') return `${ROOT}/avatars/${place.userId}`
  const { kind, chatId, messageId = id } = place
  return `${ROOT}/${kind === 'notes' ? kind : `${kind}s`}/${chatId}/messages/${messageId}`
}
