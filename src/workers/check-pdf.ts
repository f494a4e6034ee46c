import { refuse } from '../protocol/errors.ts'
import type { DocumentType } from './file-types.ts'

/** Where a PDF's end must be: readers look at its last kilobyte. */
const TAIL = 1_024
/** Names of what runs or starts something when the document is opened. */
const ACTIVE = /\/(?:JavaScript|JS|Launch|RichMedia|EmbeddedFile)\b/

/**
 * checkPdf refuses what is cut short, and what holds scripts, programs or other files in plain sight. It does not look
 * into compressed objects: whoever opens the file gets it as a download, which no page of ours runs.
 */
export function checkPdf(bytes: Uint8Array): DocumentType {
  const text = new TextDecoder('latin1').decode(bytes)
  if (!/^%PDF-[12]\.\d/.test(text)) refuse('VALIDATION_ERROR', 'Invalid PDF file: its version is missing')
  const tail = text.slice(-TAIL)
  const start = Number(/startxref\s+(\d+)\s+%%EOF/.exec(tail)?.[1] ?? Number.NaN)
  if (!(start < bytes.length) || !/^\s*(?:xref|\d+\s+\d+\s+obj)/.test(text.slice(start, start + 40))) {
    refuse('VALIDATION_ERROR', 'Invalid PDF file: it is cut short')
  }
  // A name may be written with escapes: /J#61vaScript.
  const plain = text.replace(/#([\da-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  if (ACTIVE.test(plain)) {
    refuse('VALIDATION_ERROR', 'PDF files with scripts, programs or embedded files are not taken')
  }
  return { contentType: 'application/pdf', extension: 'pdf' }
}
