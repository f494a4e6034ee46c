import { LRUCache } from 'lru-cache'

/** Gateways of the whole service. A user has one, by a hash of the id: another number moves users to others. */
const GATEWAYS = 64
/** Stubs that an object keeps: calls over one stub arrive in their order. */
const MOST_STUBS = 2_000

/** Objects reaches the objects of one class by their names. */
export interface Objects<T> {
  get(name: string): T
  /** The next `get` reaches the object afresh: the last call failed. */
  forget(name: string): void
}

/** createObjects keeps stubs, which only an object may do: those of a request end with it. */
export function createObjects<T extends object>(namespace: DurableObjectNamespace): Objects<T> {
  const stubs = new LRUCache<string, T>({ max: MOST_STUBS })
  return {
    get(name) {
      const known = stubs.get(name)
      if (known) return known
      const stub = reach<T>(namespace, name)
      stubs.set(name, stub)
      return stub
    },
    forget: (name) => void stubs.delete(name),
  }
}

/** createPassingObjects keeps nothing. */
export function createPassingObjects<T extends object>(namespace: DurableObjectNamespace): Objects<T> {
  return { get: (name) => reach<T>(namespace, name), forget() {} }
}

/** The classes implement `T`, which the platform's own types of a stub would hide behind what can be cloned. */
function reach<T>(namespace: DurableObjectNamespace, name: string): T {
  return namespace.getByName(name) as unknown as T
}

/** gatewayOf names the gateway of a user, or of whatever else is counted or kept for one. */
export function gatewayOf(key: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  }
  return String((hash >>> 0) % GATEWAYS)
}
