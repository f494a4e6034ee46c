/** What is used of it: the package exports its types only where its code is not. */
declare module 'pg-cloudflare' {
  export class CloudflareSocket {
    constructor(isSecure: boolean)
    write(data: Uint8Array | string, ...more: unknown[]): unknown
  }
}
