import { LIMITS } from '../protocol/limits.ts'

/** Control characters, and those that turn the direction of what follows: `gpj.exe` would read `exe.jpg`. */
const UNSEEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu
/** What no file system and no header takes. */
const FORBIDDEN = /[<>:"|?*]/g

/**
 * toFileName makes of what a client calls a file a name to show and to save it by: without folders, without what is
 * not seen, at most LIMITS.fileNameCharacters, its extension kept.
 */
export function toFileName(given: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? ''
  const name = last.replace(UNSEEN, '').replace(FORBIDDEN, '_').trim().replace(/^\.+/, '')
  if (name === '') return 'file'
  const characters = [...name]
  if (characters.length <= LIMITS.fileNameCharacters) return name
  const extension = /\.[\p{L}\p{N}]{1,10}$/u.exec(name)?.[0] ?? ''
  return characters.slice(0, LIMITS.fileNameCharacters - extension.length).join('') + extension
}

/** toDisposition is the header that has a file saved under its name, and never shown as a page. RFC 6266. */
export function toDisposition(fileName: string): string {
  const ascii = fileName.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(fileName).replace(/['()*]/g, (it) => `%${it.charCodeAt(0).toString(16)}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
