/**
 * Ring is some instances, and which of them owns which chat: the one with the highest score for it (rendezvous hashing,
 * Thaler and Ravishankar 1998). When an instance goes, only its chats move; when one comes, it takes its share from
 * all the others. Instances that know of different others disagree for a while, which costs a hop and nothing else.
 */
export interface Ring extends Iterable<string> {
  readonly size: number
  has(instanceId: string): boolean
  /** The instance that a chat's commands go to; undefined where there is none. */
  ownerOf(chatId: string): string | undefined
}

/** createRing keeps the hash of every instance, so that to find an owner is to mix a number with each. */
export function createRing(instanceIds: Iterable<string>): Ring {
  const hashes = new Map(Array.from(instanceIds, (instanceId) => [instanceId, hash(instanceId)]))
  return {
    size: hashes.size,
    has: (instanceId) => hashes.has(instanceId),
    ownerOf(chatId) {
      const chat = hash(chatId)
      let owner: string | undefined
      let best = -1
      for (const [instanceId, instance] of hashes) {
        const score = mix(chat ^ instance)
        if (score < best || (score === best && owner !== undefined && owner < instanceId)) continue
        best = score
        owner = instanceId
      }
      return owner
    },
    [Symbol.iterator]: () => hashes.keys(),
  }
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
