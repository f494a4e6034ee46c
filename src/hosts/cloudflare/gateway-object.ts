import { DurableObject } from 'cloudflare:workers'
import type { OpenTicket } from '../../auth/ports.ts'
import { ratesOf } from '../../config.ts'
import { createSyncReader } from '../../db/sync-reader.ts'
import { createUserReader } from '../../db/user-reader.ts'
import type { Connection, ConnectionState } from '../../gateway/connection.ts'
import { createGateway, type Gateway } from '../../gateway/gateway.ts'
import type { Authenticated, RateLimiter } from '../../gateway/ports.ts'
import type { PresenceStatus } from '../../protocol/model.ts'
import { LINES, PING, PONG, SUBPROTOCOL } from '../../protocol/version.ts'
import { fromBroadcastText } from '../../rooms/broadcast-text.ts'
import { clock, ids } from '../shared/clock.ts'
import { createLimiter, createOpenLimiter } from '../shared/limiter.ts'
import { createAlarm, ready } from './alarm.ts'
import { createAuthenticator } from './authenticator.ts'
import type { Bindings } from './bindings.ts'
import type { Call, GatewayCalls, HearCall, RoomCalls, TakeCall } from './calls.ts'
import { takeCall } from './calls.ts'
import { openDatabase } from './database.ts'
import { takeOver } from './handover.ts'
import { createHeardChats } from './heard-chats.ts'
import { createLinks, GatewayLink } from './links.ts'
import { createLogger, logFaults } from './logger.ts'
import { createLull } from './lull.ts'
import { createObjectBroadcast, type ObjectBroadcast } from './object-broadcast.ts'
import { createObjectPresence } from './object-presence.ts'
import { answerClose, closeIfTooBig, createSocket } from './object-socket.ts'
import { createObjects } from './objects.ts'
import { createRemotePublisher } from './remote-publisher.ts'
import { createRemoteRooms } from './remote-rooms.ts'
import { settings } from './settings.ts'
import { createKeptTickets } from './tickets.ts'

/**
 * What a sleep has to find again is kept this long after something happened last: before the platform lets it sleep, and
 * not while there is work, as nothing is sent before what was written is on disk.
 */
const KEEP = 1_000

/**
 * GatewayObject holds the sockets of its share of the users and runs the same gateway as every host. The platform takes
 * it out of memory while nothing happens, and keeps the sockets: whatever wakes it resumes all connections first.
 */
export class GatewayObject extends DurableObject<Bindings> implements GatewayCalls {
  readonly #gateway: Gateway
  readonly #broadcast: ObjectBroadcast
  readonly #limiter: RateLimiter
  readonly #heard: ReturnType<typeof createHeardChats>
  readonly #tickets: ReturnType<typeof createKeptTickets>
  readonly #connections = new Map<WebSocket, Connection>()
  readonly #setAlarm: ReturnType<typeof createAlarm>
  readonly #presence = createObjectPresence((userId) => this.#statusesOf(userId))
  readonly #keepSoon = createLull(clock, KEEP, (isLull) => this.#keep(isLull))

  constructor(context: DurableObjectState, bindings: Bindings) {
    super(context, bindings)
    const config = settings(bindings)
    const onFault = logFaults(createLogger(config))
    const waitUntil = (promise: Promise<unknown>) => context.waitUntil(promise)
    const self = context.id.name ?? ''
    const db = openDatabase(bindings)
    const rooms = createObjects<RoomCalls>(bindings.ROOMS)
    const gateways = createObjects<GatewayCalls>(bindings.GATEWAYS)
    const changes = createSyncReader(db)
    const links = createLinks(rooms, clock)
    const remoteRooms = createRemoteRooms({ config, rooms, links, ids, waitUntil, onFault })
    this.#heard = createHeardChats(context.storage)
    this.#tickets = createKeptTickets(context.storage, self)
    this.#setAlarm = createAlarm(context.storage, clock)
    this.#limiter = config.RATE_LIMITS === 'off' ? createOpenLimiter() : createLimiter(ratesOf(config))
    this.#broadcast = createObjectBroadcast({ self, rooms, gateways, waitUntil, heard: this.#heard })
    this.#gateway = createGateway({
      ...{ clock, ids, onFault, broadcast: this.#broadcast, limiter: this.#limiter, isWoken: true },
      rooms: remoteRooms,
      changes,
      users: createUserReader(db),
      presence: this.#presence,
      authenticator: createAuthenticator({
        ...{ config, db, changes, rooms: remoteRooms, waitUntil, onFault },
        broadcast: createRemotePublisher(gateways, waitUntil),
      }),
      connectionsPerUser: config.CONNECTIONS_PER_USER,
    })
    context.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
    for (const socket of context.getWebSockets()) this.#resume(socket)
  }

  /** Takes the upgrade of somebody whom the app has verified. */
  override async fetch(request: Request): Promise<Response> {
    const authenticated = takeOver(request)
    const { 0: client, 1: socket } = new WebSocketPair()
    const offered = request.headers.get('Sec-WebSocket-Protocol')
    const wishes = offered?.includes(LINES) ? [LINES] : []
    this.ctx.acceptWebSocket(socket, [authenticated.principal.user.id, ...wishes])
    const connection = this.#gateway.connect({ ...authenticated, socket: this.#socketOf(socket) })
    this.#connections.set(socket, connection)
    socket.serializeAttachment(connection.state)
    this.#keepSoon()
    const headers = new Headers(offered === null ? {} : { 'Sec-WebSocket-Protocol': SUBPROTOCOL })
    return new Response(null, { status: 101, webSocket: client, headers })
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    const connection = this.#connections.get(socket)
    this.#keepSoon()
    if (closeIfTooBig(socket, message)) this.#end(socket)
    else if (typeof message === 'string') connection?.receive(message)
    else connection?.receiveBinary()
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string): void {
    this.#end(socket)
    answerClose(socket, code, reason)
  }

  override webSocketError(socket: WebSocket): void {
    this.#end(socket)
  }

  override async alarm(): Promise<void> {
    this.#tickets.sweep()
    await ready(this.#gateway.awake(), clock)
    // The platform has ended the sockets whose clients are gone; how late this alarm is says nothing about the others.
    for (const connection of this.#connections.values()) connection.heard()
    this.#gateway.tick()
    await this.#setAlarm(this.#gateway.dueAt)
    this.#keepSoon()
  }

  async hear(call: HearCall): Promise<void> {
    const { topic, text } = takeCall(call)
    this.#broadcast.hear(topic, fromBroadcastText(text))
    this.#keepSoon()
  }

  async link(): Promise<GatewayLink> {
    return new GatewayLink(this)
  }

  async statuses(call: Call<{ userIds: readonly string[] }>): Promise<Record<string, PresenceStatus>> {
    return Object.fromEntries(await this.#presence.list(takeCall(call).userIds))
  }

  async take(call: TakeCall): Promise<number> {
    const { bucket, key } = takeCall(call)
    return this.#limiter.take(bucket, key)
  }

  async giveBack(call: TakeCall): Promise<void> {
    const { bucket, key } = takeCall(call)
    this.#limiter.giveBack(bucket, key)
  }

  async openTicket(call: Call<{ authenticated: Authenticated }>): Promise<OpenTicket> {
    const open = await this.#tickets.open(takeCall(call).authenticated)
    await this.#setAlarm(open.expiresAt)
    return open
  }

  async redeemTicket(call: Call<{ ticket: string }>): Promise<Authenticated | undefined> {
    return this.#tickets.redeem(takeCall(call).ticket)
  }

  /** A socket that was closed here is listed until its client answers to that, and is nobody's any more. */
  #resume(socket: WebSocket): void {
    if (socket.readyState !== WebSocket.OPEN) return
    const state: ConnectionState = socket.deserializeAttachment()
    const heard = this.#heard.of(state.principal.user.id)
    this.#connections.set(socket, this.#gateway.resume({ state, heard, socket: this.#socketOf(socket) }))
    this.#keepSoon()
  }

  #socketOf(socket: WebSocket) {
    const takesLines = this.ctx.getTags(socket).includes(LINES)
    return createSocket(socket, { takesLines, onClose: () => this.#connections.delete(socket) })
  }

  #end(socket: WebSocket): void {
    this.#connections.get(socket)?.disconnect()
    this.#connections.delete(socket)
    this.#keepSoon()
  }

  #statusesOf(userId: string): PresenceStatus[] {
    return this.ctx.getWebSockets(userId).flatMap((socket) => this.#connections.get(socket)?.status ?? [])
  }

  /** Says when to wake up, and in a lull keeps what `#resume` needs. The timer that waits keeps the platform from evicting this. */
  #keep(isLull: boolean): boolean {
    this.ctx.waitUntil(this.#setAlarm(this.#gateway.dueAt))
    // What is still being taken up is told by what was kept before.
    if (!isLull || ![...this.#connections.values()].every(({ isOpen }) => isOpen)) return false
    for (const [socket, { state }] of this.#connections) socket.serializeAttachment(state)
    this.#heard.keep(this.#gateway.heard())
    this.#broadcast.settle()
    return true
  }
}
