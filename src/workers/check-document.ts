import { checkOffice } from './check-office.ts'
import { checkPdf } from './check-pdf.ts'
import { checkText } from './check-text.ts'
import type { DocumentType, Signature } from './file-types.ts'

/** checkDocument finds what a file is that is no image. Throws a RefusalError where it is nothing that is taken. */
export function checkDocument(
  bytes: Uint8Array,
  signature: Exclude<Signature, 'image'>,
  fileName: string,
): DocumentType {
  switch (signature) {
    case 'pdf':
      return checkPdf(bytes)
    case 'zip':
      return checkOffice(bytes)
    case 'unknown':
      return checkText(bytes, fileName)
    default:
      return signature satisfies never
  }
}
