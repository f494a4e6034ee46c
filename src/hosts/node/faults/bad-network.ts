import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net'

/** ProxiedConnection is one connection through it: the two sockets of it. */
export interface ProxiedConnection {
  /** Keeps it open and passes nothing on any more, either way: what a cable does that was pulled out. */
  stall(): void
  /** Ends it with a reset, on both sides. */
  reset(): void
}

/** BadNetwork is a proxy that passes TCP connections on, until it is told to be a bad network. */
export interface BadNetwork {
  readonly port: number
  readonly connections: ReadonlySet<ProxiedConnection>
  /** Resets every connection, and refuses new ones until `heal`. */
  cut(): void
  heal(): void
  /** Resets every connection; new ones are let through. */
  reset(): void
  /** Holds back whatever comes from now on for so many milliseconds, either way. */
  delay(milliseconds: number): void
  close(): Promise<void>
}

/** createBadNetwork listens on a free port of the loopback. A connection goes to the first of `upstreams` that takes it. */
export async function createBadNetwork(upstreams: () => readonly NetConnectOpts[]): Promise<BadNetwork> {
  const connections = new Set<ProxiedConnection>()
  const accepted = new Set<Socket>()
  let isCut = false
  let lag = 0
  const server = createServer({ pauseOnConnect: true }, (near) => {
    accepted.add(near)
    near.on('error', () => {}).once('close', () => accepted.delete(near))
    if (isCut) near.resetAndDestroy()
    else reach(near, [...upstreams()])
  })

  function reach(near: Socket, [first, ...others]: readonly NetConnectOpts[]): void {
    if (!first) {
      near.resetAndDestroy()
      return
    }
    const far = connect(first)
    const next = () => reach(near, others)
    far.once('error', next)
    far.once('connect', () => {
      far.off('error', next)
      far.on('error', () => {})
      if (near.destroyed || isCut) far.destroy()
      if (isCut) near.resetAndDestroy()
      if (!far.destroyed) join(near, far)
    })
  }

  function join(near: Socket, far: Socket): void {
    let isStalled = false
    const connection: ProxiedConnection = {
      stall() {
        isStalled = true
      },
      reset() {
        connections.delete(connection)
        for (const socket of [near, far]) end(socket)
      },
    }
    connections.add(connection)
    const pass = (from: Socket, to: Socket) => {
      from.setNoDelay(true)
      from.on('data', (chunk) => {
        if (isStalled) return
        if (lag > 0) setTimeout(() => to.write(chunk), lag)
        else if (!to.write(chunk)) from.pause()
      })
      from.on('drain', () => to.resume())
      from.once('close', () => {
        if (isStalled) return
        connections.delete(connection)
        // What came before the end is delivered first.
        setTimeout(() => to.destroySoon(), lag)
      })
      from.resume()
    }
    pass(near, far)
    pass(far, near)
  }

  const reset = () => {
    for (const connection of [...connections]) connection.reset()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    cut() {
      isCut = true
      reset()
    },
    heal() {
      isCut = false
    },
    reset,
    delay(milliseconds) {
      lag = milliseconds
    },
    close() {
      reset()
      for (const socket of accepted) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** By a reset, which a unix socket does not know. */
function end(socket: Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy()
  else socket.resetAndDestroy()
}
