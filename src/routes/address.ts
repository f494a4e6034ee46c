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

/** Of IPv4, besides those: this host, shared (RFC 6598), multicast and reserved addresses. */
const SPECIAL = /^(0\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|2(2[4-9]|[345]\d)\.)/
/** Of IPv6, all that is routed anywhere, without 6to4, which may lead to any IPv4 address. */
const ROUTED = /^(?!2002:)[23][0-9a-f]{3}:/i

/** isPublicHost tells whether the `hostname` of a URL may be somebody else's. What a name comes to, it does not know. */
export function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/[[\]]/g, '')
  if (host.includes(':')) return ROUTED.test(host)
  if (/^[\d.]+$/.test(host)) return !isPrivate(host) && !SPECIAL.test(host)
  return !/(^|\.)localhost\.?$/i.test(host)
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
