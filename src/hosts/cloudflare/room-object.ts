import { DurableObject } from 'cloudflare:workers'
import { commitDeadlineOf } from '../../config.ts'
import { createCommitter } from '../../db/commit.ts'
import type { Database } from '../../db/connect.ts'
import { createIndexer } from '../../db/indexer.ts'
import { createRoomStore } from '../../db/room-store.ts'
import { TIMES } from '../../protocol/limits.ts'
import { Room } from '../../rooms/actor.ts'
import type { Envelope, Publisher, RoomDirectory, RoomStore, Turn } from '../../rooms/ports.ts'
import { createOutbox } from '../../workers/outbox.ts'
import { filesOutbox } from '../../workers/remove-files.ts'
import { clock, ids } from '../shared/clock.ts'
import type { Bindings } from './bindings.ts'
import {
  type Call,
  type DispatchCall,
  type GatewayCalls,
  type ListenerCall,
  type RoomCalls,
  type TypingCall,
  takeCall,
} from './calls.ts'
import { ensureFit, openDatabase } from './database.ts'
import { wakeJobs } from './jobs.ts'
import { createLinks, RoomLink } from './links.ts'
import { createLogger, logFaults } from './logger.ts'
import { createObjects } from './objects.ts'
import { createRemoteRooms } from './remote-rooms.ts'
import { type EdgeConfig, settings } from './settings.ts'
import { createTeller } from './teller.ts'

/** Where the names of the gateways that hear the chat are kept. */
const LISTENERS = 'listeners'

/**
 * RoomObject is the room of one chat. All that it remembers of the chat is fenced by the commit, as on every host: the
 * gates of an object cover its own storage and not Postgres, and there may be two of it for a moment. What it stores is
 * who listens.
 */
export class RoomObject extends DurableObject<Bindings> implements RoomCalls {
  readonly #listeners: Set<string>
  readonly #teller: Publisher
  readonly #others: RoomDirectory
  readonly #onFault: (fault: { error: unknown }) => void
  readonly #config: EdgeConfig
  #room: Room | undefined
  /** Somebody may be on the list of who types, which a new instance would not know. */
  #isTyping = false

  constructor(context: DurableObjectState, bindings: Bindings) {
    super(context, bindings)
    const waitUntil = (promise: Promise<unknown>) => context.waitUntil(promise)
    this.#listeners = new Set(context.storage.kv.get<string[]>(LISTENERS) ?? [])
    const gateways = createObjects<GatewayCalls>(bindings.GATEWAYS)
    const links = createLinks(gateways, clock)
    this.#teller = createTeller({ clock, gateways, links, listeners: this.#listeners, waitUntil })
    this.#config = settings(bindings)
    this.#onFault = logFaults(createLogger(this.#config))
    this.#others = createRemoteRooms({
      ...{ rooms: createObjects<RoomCalls>(bindings.ROOMS), ids, onFault: this.#onFault },
      ...{ config: this.#config, waitUntil },
    })
  }

  async dispatch(call: DispatchCall): Promise<string> {
    const { chatId, text } = takeCall(call)
    return JSON.stringify(await this.#roomOf(chatId).dispatch(JSON.parse(text) as Envelope))
  }

  async link(): Promise<RoomLink> {
    return new RoomLink(this)
  }

  async typing(call: TypingCall): Promise<void> {
    const { chatId, principal, isTyping } = takeCall(call)
    this.#isTyping = true
    this.#roomOf(chatId).typing(principal, isTyping)
    await this.ctx.storage.setAlarm(clock.now() + TIMES.typingExpiry + TIMES.typingInterval)
  }

  async reload(call: Call<object>): Promise<void> {
    takeCall(call)
    await this.#room?.reload()
  }

  async attach(call: ListenerCall): Promise<void> {
    const { gateway } = takeCall(call)
    if (!this.#listeners.has(gateway)) this.#keepListeners(this.#listeners.add(gateway))
  }

  async detach(call: ListenerCall): Promise<void> {
    if (this.#listeners.delete(takeCall(call).gateway)) this.#keepListeners(this.#listeners)
  }

  async listeners(call: Call<object>): Promise<string[]> {
    takeCall(call)
    return [...this.#listeners]
  }

  /** Whoever typed has stopped by now. If this instance does not know of it, then another one told that list. */
  override async alarm(): Promise<void> {
    const chatId = this.ctx.id.name
    if (this.#isTyping || chatId === undefined) return
    const text = JSON.stringify({ type: 'typing', data: { chatId, userIds: [] } })
    this.#teller.publish(`chat:${chatId}`, { kind: 'signal', text })
  }

  #keepListeners(listeners: ReadonlySet<string>): void {
    this.ctx.storage.kv.put(LISTENERS, [...listeners])
  }

  #roomOf(chatId: string): Room {
    this.#room ??= new Room(chatId, {
      store: this.#openStore(),
      broadcast: this.#teller,
      clock,
      ids,
      rooms: this.#others,
      onFault: this.#onFault,
      commitDeadline: commitDeadlineOf(this.#config),
    })
    return this.#room
  }

  #openStore(): RoomStore {
    const onFault = (error: unknown) => this.#onFault({ error })
    const db = openDatabase(this.env)
    const language = this.#config.SEARCH_LANGUAGE
    const indexer = createIndexer(db, { clock, language, isSweeping: false, onFault })
    const outbox = createOutbox(this.#config)
    const committer = createCommitter(db, {
      outbox: (turn) => [...filesOutbox(turn), ...(outbox?.(turn) ?? [])],
      onJobs: (delay) => this.ctx.waitUntil(wakeJobs(this.env, delay)),
      onMessages: indexer.changed,
      onFault,
    })
    const store = createRoomStore(db, committer)
    return { ...store, commit: (turn) => this.#commit(turn, store, db) }
  }

  /** A Postgres that would acknowledge what it has not flushed gets nothing to commit. */
  async #commit(turn: Turn, store: RoomStore, db: Database): ReturnType<RoomStore['commit']> {
    try {
      await ensureFit(db)
    } catch (error) {
      this.#onFault({ error })
      return { status: 'unavailable' }
    }
    return store.commit(turn)
  }
}
