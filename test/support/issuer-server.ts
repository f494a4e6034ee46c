import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

/** IssuerServer is an issuer of one's own: it signs by RS256 and serves its public keys over HTTP. */
export interface IssuerServer {
  readonly url: string
  /** How often its keys were asked for. */
  readonly asked: number
  /** What it answers when asked for its keys. */
  mood: 'well' | 'failing' | 'hanging' | 'lying' | 'endless'
  /** The public key of its last pair, as its JWKS has it. */
  readonly publicKey: CryptoKey
  readonly kid: string
  sign(payload: JWTPayload, header?: { readonly kid?: string }): Promise<string>
  /** Signs by a new pair from now on, and publishes no other. */
  rotate(): Promise<void>
  close(): Promise<void>
}

export async function startIssuerServer(): Promise<IssuerServer> {
  let asked = 0
  let number = 0
  let pair = await generateKeyPair('RS256', { extractable: true })
  const kid = () => `key-${number}`

  const server = createServer(async (request, response) => {
    if (request.url?.endsWith('/openid-configuration')) {
      return response.end(JSON.stringify({ issuer: it.url, jwks_uri: `${it.url}/keys` }))
    }
    asked += 1
    if (it.mood === 'hanging') return
    if (it.mood === 'failing') return response.writeHead(503).end()
    if (it.mood === 'lying') return response.end('{"keys":[]}')
    if (it.mood === 'endless') return void setInterval(() => response.write(' '.repeat(65_536)), 1).unref()
    const key = { ...(await exportJWK(pair.publicKey)), kid: kid(), alg: 'RS256', use: 'sig' }
    response.end(JSON.stringify({ keys: [key] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const it: IssuerServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mood: 'well',
    get asked() {
      return asked
    },
    get publicKey() {
      return pair.publicKey
    },
    get kid() {
      return kid()
    },
    sign: (payload, header = {}) =>
      new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: kid(), ...header }).sign(pair.privateKey),
    async rotate() {
      pair = await generateKeyPair('RS256', { extractable: true })
      number += 1
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return it
}
