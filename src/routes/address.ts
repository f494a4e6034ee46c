const ADDRESS = /^[0-9a-fA-F:.]{2,45}$/
const MAPPED = /^::ffff:(?=\d+\.)/i

/**
 * clientAddress is where a request comes from: the other end of the connection, or behind `hops` trusted proxies
 * the entry that the outermost of them added to X-Forwarded-For. What stands left of that is the client's own claim
 * and is ignored, and so is a header that is too short to have come through all of them.
 */
export function clientAddress(
  remote: string | null,
  forwardedFor: string | undefined,
  hops: number,
): string | null {
  const entries = hops === 0 ? [] : (forwardedFor ?? '').split(',').map((entry) => entry.trim())
  const claimed = entries.at(-hops)
  const address = entries.length >= hops && claimed && ADDRESS.test(claimed) ? claimed : remote
  return address?.replace(MAPPED, '') ?? null
}

/** Loopback, RFC 1918, link-local and, of IPv6, unique local (RFC 4193) addresses. */
const PRIVATE =
  /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|::1$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/i

/** isPrivate tells whether the address can only be of this machine or a network of one's own. */
export function isPrivate(address: string): boolean {
  return PRIVATE.test(address)
}

/** networkOf is what counts as one client: an IPv4 address, or the /64 that an IPv6 host may use at will. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail = ''] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const ending = tail === '' ? [] : tail.split(':')
  const missing = address.includes('::') ? Math.max(0, 8 - groups.length - ending.length) : 0
  const all = [...groups, ...Array<string>(missing).fill('0'), ...ending]
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
