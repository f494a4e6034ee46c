import type { Asset } from '../../routes/deps.ts'

/** The files of the reference pages, as `scripts/cloudflare-assets.ts` puts them together. Nothing else is served. */
const FILES = [
  ...['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'],
  ...['reference.css', 'reference.js', 'openapi.json', 'asyncapi.json'],
]

/** createAsset reads a file of the reference pages from the platform's store of files. */
export function createAsset(assets: Fetcher) {
  return async (name: string): Promise<Asset | undefined> => {
    if (!FILES.includes(name)) return undefined
    const response = await assets.fetch(`https://assets/${name}`)
    if (!response.ok) return undefined
    const contentType = response.headers.get('Content-Type') ?? 'application/octet-stream'
    return { body: new Uint8Array(await response.arrayBuffer()), contentType }
  }
}
