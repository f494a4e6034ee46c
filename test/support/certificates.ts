import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Certificates are an authority of one's own and what it has signed for a name: paths of PEM files. */
export interface Certificates {
  readonly folder: string
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** createCertificates makes them with OpenSSL, good for a day. */
export function createCertificates(name: string): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'parley-certificates-'))
  const at = (file: string) => join(folder, file)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const newKey = ['-newkey', 'rsa:2048', '-nodes', '-days', '1']
  openssl('req', '-x509', ...newKey, '-subj', '/CN=Test CA', '-keyout', at('ca.key'), '-out', at('ca.pem'))
  openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', at('key.pem'), '-out', at('request.pem'))
  writeFileSync(at('names'), `subjectAltName=DNS:${name}`)
  const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')]
  openssl('x509', '-req', '-in', at('request.pem'), ...signed, '-days', '1', '-out', at('cert.pem'))
  return { folder, ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem') }
}
