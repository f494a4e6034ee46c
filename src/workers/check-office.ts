import { type UnzipFileInfo, unzipSync } from 'fflate'
import { refuse } from '../protocol/errors.ts'
import type { DocumentType } from './file-types.ts'
import { refuseType } from './file-types.ts'

/** What all parts of a document may take when it is unpacked, and how many there may be. */
const MOST_BYTES = 104_857_600
const MOST_PARTS = 5_000
/** The list of parts and their types. Nothing else is unpacked. */
const TYPES = '[Content_Types].xml'
const MOST_TYPES_BYTES = 1_048_576

const MAIN = 'application/vnd.openxmlformats-officedocument.'
const KINDS = [
  { main: `${MAIN}wordprocessingml.document.main+xml`, part: 'word/document.xml', extension: 'docx' },
  { main: `${MAIN}spreadsheetml.sheet.main+xml`, part: 'xl/workbook.xml', extension: 'xlsx' },
] as const
/** Parts that run something: macros of today and of Excel 4, and controls. */
const ACTIVE = /vbaProject|vbaData|macrosheets\/|activeX\/|\.bin$|embeddings\/.+\.(?:exe|ole|scr|js|vbs)$/i

/**
 * checkOffice takes Word documents and Excel sheets without macros. It unpacks nothing but the list of parts, so that
 * what a bomb would grow to is refused by what it says of itself, and never grows here.
 */
export function checkOffice(bytes: Uint8Array): DocumentType {
  const { names, types } = unpack(bytes)
  const kind = KINDS.find(({ main, part }) => types.includes(`"${main}"`) && names.has(part))
  if (/macroEnabled/i.test(types) || [...names].some((name) => ACTIVE.test(name))) {
    refuse('VALIDATION_ERROR', 'Documents with macros are not taken: save it without them')
  }
  if (!kind) return refuseType('pdf, docx, xlsx, txt or csv')
  const subtype = kind.extension === 'docx' ? 'wordprocessingml.document' : 'spreadsheetml.sheet'
  return { contentType: `${MAIN}${subtype}`, extension: kind.extension }
}

function unpack(bytes: Uint8Array): { readonly names: ReadonlySet<string>; readonly types: string } {
  const names = new Set<string>()
  let total = 0
  const isWanted = ({ name, originalSize }: UnzipFileInfo) => {
    names.add(name)
    total += originalSize
    if (total > MOST_BYTES || names.size > MOST_PARTS) {
      refuse('PAYLOAD_TOO_LARGE', `A document unpacks to at most ${MOST_BYTES} bytes in ${MOST_PARTS} parts`)
    }
    return name === TYPES && originalSize <= MOST_TYPES_BYTES
  }
  try {
    const { [TYPES]: list } = unzipSync(bytes, { filter: isWanted })
    return { names, types: new TextDecoder().decode(list) }
  } catch (error) {
    if (error instanceof Error && error.name === 'RefusalError') throw error
    return refuse('VALIDATION_ERROR', 'Invalid document: it cannot be unpacked')
  }
}
