import { LIMITS } from '../protocol/limits.ts'
import { AvatarUrl, DisplayName } from '../protocol/model.ts'

/** Profile is how somebody is called and shown. */
export interface Profile {
  readonly displayName: string
  readonly avatarUrl: string | null
}

/**
 * toProfile makes the best of what a token or a directory says: a name that is too long is cut, a picture that is no
 * https address is left out. undefined without a name.
 */
export function toProfile(name: unknown, picture: unknown): Profile | undefined {
  const spoken = typeof name === 'string' ? name.replace(/\s+/g, ' ').trim() : ''
  const displayName = DisplayName.safeParse([...spoken].slice(0, LIMITS.nameCharacters).join('').trim())
  if (!displayName.success) return undefined
  return { displayName: displayName.data, avatarUrl: AvatarUrl.safeParse(picture).data ?? null }
}
