/** directChatId is the id of the one direct chat of two users, whoever opens it: both meet in the same room. */
export function directChatId(userId: string, otherId: string): Promise<string> {
  return derive(`direct:${[userId, otherId].sort().join(':')}`)
}

/** groupChatId is the id of the group that a user makes with this Idempotency-Key: a retry meets the first. */
export function groupChatId(userId: string, idempotencyKey: string): Promise<string> {
  return derive(`group:${userId}:${idempotencyKey}`)
}

/** sessionId is the id of the session that a caller names so: a retry meets the first. All services share their names. */
export function sessionId(opener: string, externalId: string): Promise<string> {
  return derive(`session:${opener}:${externalId}`)
}

/** A UUIDv8 (RFC 9562, 5.8) of the text's SHA-256. */
async function derive(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  const hex = [...digest.subarray(0, 16)].map((byte, index) =>
    stamp(byte, index).toString(16).padStart(2, '0'),
  )
  return [hex.slice(0, 4), hex.slice(4, 6), hex.slice(6, 8), hex.slice(8, 10), hex.slice(10)]
    .map((part) => part.join(''))
    .join('-')
}

/** Writes version 8 and the variant over the bits where a UUID has them. */
function stamp(byte: number, index: number): number {
  if (index === 6) return (byte & 0x0f) | 0x80
  if (index === 8) return (byte & 0x3f) | 0x80
  return byte
}
