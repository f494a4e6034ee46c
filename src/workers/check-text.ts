import { refuse } from '../protocol/errors.ts'
import { type DocumentType, refuseType } from './file-types.ts'

/** Control characters that no text has: all but tab, line feed, form feed and carriage return. */
const CONTROL = /(?![\t\n\f\r])\p{Cc}/u

/** checkText takes UTF-8. Whether a text is a table shows nowhere but in its name. */
export function checkText(bytes: Uint8Array, fileName: string): DocumentType {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    return refuseType('jpeg, png, gif, webp, pdf, docx, xlsx, or txt and csv in UTF-8')
  }
  if (CONTROL.test(text)) refuse('VALIDATION_ERROR', 'Invalid text file: it holds control characters')
  return /\.csv$/i.test(fileName)
    ? { contentType: 'text/csv; charset=utf-8', extension: 'csv' }
    : { contentType: 'text/plain; charset=utf-8', extension: 'txt' }
}
