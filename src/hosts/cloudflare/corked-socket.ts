import { CloudflareSocket } from 'pg-cloudflare'

/**
 * CorkedSocket sends what the driver says at once in one piece. The platform writes each piece after the one before
 * it, with everything else that waits in between, and a statement is four of them.
 */
export class CorkedSocket extends CloudflareSocket {
  #kept: Uint8Array[] | undefined

  cork(): void {
    this.#kept ??= []
  }

  uncork(): void {
    const kept = this.#kept ?? []
    this.#kept = undefined
    if (kept.length > 0) super.write(Buffer.concat(kept))
  }

  override write(data: Uint8Array | string, ...more: unknown[]): unknown {
    if (!this.#kept || typeof data === 'string') return super.write(data, ...more)
    this.#kept.push(data)
    return true
  }
}
