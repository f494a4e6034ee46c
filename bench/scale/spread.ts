import { createRing } from '../../src/hosts/node/cluster/ring.ts'
import type { Random } from '../generator/words.ts'
import { createIds } from './ids.ts'
import { KINDS, type Population } from './population.ts'

/** Owners to look for in one pass over a sample of chats: instances times chats, as the ring scores each pair. */
const PAIRS = 4_000_000
const GROUP = KINDS.indexOf('group')

/** Spread is how one population lies over instances: each user has one connection, at any of them. */
export interface Spread {
  readonly instances: number
  readonly users: number
  readonly chats: number
  readonly memberships: number
  /** Channels of chats that each instance hears, its share of all memberships less those that share a channel. */
  readonly heard: Uint32Array
  /** Means over messages, which people send to any of their chats alike: a chat of ten has five times those of a chat of two. */
  readonly message: MessageMeans
  readonly ring: RingFigures
}

export interface MessageMeans {
  /** The others in the chat. */
  readonly others: number
  /** Instances that hear the chat. */
  readonly heardBy: number
  /** Changes with receipts that follow: in a group, the first at once and the rest after a second. */
  readonly receipts: number
  /** How many instances hear those, all together. */
  readonly receiptsHeardBy: number
}

/** Counted in a sample of chats, by the service's own ring. */
export interface RingFigures {
  readonly sample: number
  /** Most chats of one instance, by the mean. */
  readonly balance: number
  /** Messages that come in elsewhere than at the owner. */
  readonly relayed: number
  /** Messages whose owner itself hears the chat, so that its own publish comes back to it for nothing. */
  readonly echoed: number
  /** Chats that move when one instance goes, and when a tenth goes; and of the others. */
  readonly movedByOne: number
  readonly movedByTenth: number
  readonly movedNeedlessly: number
}

/** spread puts everybody at an instance, as a load balancer without sticky sessions does, and counts. */
export function spread(population: Population, instances: number, random: Random): Spread {
  const { users, chats, members } = population
  const homes = Uint16Array.from({ length: users }, () => Math.floor(random() * instances))
  const heard = new Uint32Array(instances)
  /** The last chat that each instance was found to hear. */
  const last = new Int32Array(instances).fill(-1)
  const sums = { others: 0, heardBy: 0, receipts: 0, receiptsHeardBy: 0 }
  for (let chat = 0; chat < chats; chat += 1) {
    const [begin, end] = boundsOf(population, chat)
    let heardBy = 0
    for (let index = begin; index < end; index += 1) {
      const home = homes[members[index] ?? 0] ?? 0
      if (last[home] === chat) continue
      last[home] = chat
      heard[home] = (heard[home] ?? 0) + 1
      heardBy += 1
    }
    const size = end - begin
    const receipts = population.kinds[chat] === GROUP ? Math.min(2, size - 1) : size - 1
    sums.others += size * (size - 1)
    sums.heardBy += size * heardBy
    sums.receipts += size * receipts
    sums.receiptsHeardBy += size * receipts * heardBy
  }
  const memberships = members.length
  const message = {
    others: sums.others / memberships,
    heardBy: sums.heardBy / memberships,
    receipts: sums.receipts / memberships,
    receiptsHeardBy: sums.receiptsHeardBy / memberships,
  }
  const ring = askRing(population, homes, instances, random)
  return { instances, users, chats, memberships, heard, message, ring }
}

function askRing(population: Population, homes: Uint16Array, instances: number, random: Random): RingFigures {
  const uuid = createIds(random)
  const ids = Array.from({ length: instances }, uuid)
  const place = new Map(ids.map((id, index) => [id, index]))
  const ring = createRing(ids)
  const tenth = Math.max(1, Math.round(instances / 10))
  const left = createRing(ids.slice(tenth))
  const sample = Math.min(population.chats, Math.floor(PAIRS / instances))
  const owned = new Float64Array(instances)
  const counts = { messages: 0, relayed: 0, echoed: 0, byOne: 0, byTenth: 0, needless: 0 }
  for (let index = 0; index < sample; index += 1) {
    const chatId = uuid()
    const id = ring.ownerOf(chatId)
    const owner = place.get(id ?? '') ?? 0
    const [begin, end] = boundsOf(population, Math.floor(random() * population.chats))
    const here = population.members.subarray(begin, end).filter((user) => homes[user] === owner).length
    const size = end - begin
    owned[owner] = (owned[owner] ?? 0) + 1
    counts.messages += size
    counts.relayed += size - here
    if (here > 0) counts.echoed += size
    if (owner === 0) counts.byOne += 1
    if (owner < tenth) counts.byTenth += 1
    else if (left.ownerOf(chatId) !== id) counts.needless += 1
  }
  return {
    sample,
    balance: Math.max(...owned) / (sample / instances),
    relayed: counts.relayed / counts.messages,
    echoed: counts.echoed / counts.messages,
    movedByOne: counts.byOne / sample,
    movedByTenth: counts.byTenth / sample,
    movedNeedlessly: counts.needless,
  }
}

function boundsOf({ starts }: Population, chat: number): [number, number] {
  return [starts[chat] ?? 0, starts[chat + 1] ?? 0]
}
