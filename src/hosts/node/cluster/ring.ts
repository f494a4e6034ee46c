/**
 * ownerOf is the instance that a chat's commands go to: the one with the highest score for it (rendezvous hashing,
 * Thaler and Ravishankar 1998). When an instance goes, only its chats move; when one comes, it takes its share from
 * all the others. Instances that know of different others disagree for a while, which costs a hop and nothing else.
 */
export function ownerOf(chatId: string, instanceIds: Iterable<string>): string | undefined {
  const chat = hash(chatId)
  let owner: string | undefined
  let best = -1
  for (const instanceId of instanceIds) {
    const score = mix(chat ^ hash(instanceId))
    if (score < best || (score === best && owner !== undefined && owner < instanceId)) continue
    best = score
    owner = instanceId
  }
  return owner
}

/** FNV-1a, 32 bits, then mixed: ids differ in few characters. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return mix(value)
}

/** The finaliser of MurmurHash3: every bit of the input flips half of the output's. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
