import { type Refusal, toDetails } from '../protocol/errors.ts'
import { ClientFrame } from '../protocol/frames.ts'

/** What a text is: a frame, or why not, with the id that its sender may know it by. */
export type ParsedFrame =
  | { readonly frame: ClientFrame }
  | { readonly id: string | null; readonly refusal: Refusal }

/** parseFrame never throws. */
export function parseFrame(text: string): ParsedFrame {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { id: null, refusal: { code: 'VALIDATION_ERROR', message: 'The frame is not JSON' } }
  }
  const parsed = ClientFrame.safeParse(value)
  if (parsed.success) return { frame: parsed.data }
  const details = toDetails(parsed.error)
  const first = details[0]
  const message = first ? `${first.field || 'frame'}: ${first.message}` : 'The frame is not valid'
  return { id: idOf(value), refusal: { code: 'VALIDATION_ERROR', message, details } }
}

/** idIn is the id of a frame that is not looked at any further; null where there is none to use. */
export function idIn(text: string): string | null {
  try {
    return idOf(JSON.parse(text))
  } catch {
    return null
  }
}

function idOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('id' in value)) return null
  return typeof value.id === 'string' && value.id.length > 0 && value.id.length <= 64 ? value.id : null
}
