import type { JSONWebKeySet } from 'jose'
import { z } from 'zod'
import type { Issuer } from '../settings/issuer.ts'
import { networkUrl } from '../settings/network-url.ts'
import { fetchJson } from './fetch-json.ts'

const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) })

/** fetchKeys asks an issuer for its public keys, and where it keeps them if that is not configured. */
export async function fetchKeys({ issuer, jwksUrl }: Issuer): Promise<JSONWebKeySet> {
  return KeySet.parse(await fetchJson(jwksUrl ?? (await discover(issuer ?? ''))))
}

/** By OpenID Connect Discovery 1.0, 4: the document has to name the issuer that was asked. */
async function discover(issuer: string): Promise<string> {
  const document = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const Document = z.object({ issuer: z.literal(issuer), jwks_uri: networkUrl })
  return Document.parse(document).jwks_uri
}
