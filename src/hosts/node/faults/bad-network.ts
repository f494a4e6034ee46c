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
  /** How much is held back: pieces of what was said. */
  readonly heldBack: number
  /** Resets every connection, and refuses new ones until `heal`. */
  cut(): void
  heal(): void
  /** Resets every connection; new ones are let through. */
  reset(): void
  /** Holds back whatever comes from now on for so many milliseconds, either way. */
  delay(milliseconds: number): void
  /** Holds back whatever comes from now on, either way, until `heal`, and delivers it then. */
  hold(): void
  /** Swallows, until `heal`, what connections that have subscribed are told; one that missed something is told no more. */
  starve(): void
  close(): Promise<void>
}

/** How a connection says, to Redis, that it listens. */
const SUBSCRIBES = 'subscribe'

/** createBadNetwork listens on a free port of the loopback. A connection goes to the first of `upstreams` that takes it. */
export async function createBadNetwork(upstreams: () => readonly NetConnectOpts[]): Promise<BadNetwork> {
  const connections = new Set<ProxiedConnection>()
  const accepted = new Set<Socket>()
  const lines = new Set<Line>()
  let isCut = false
  let isHeld = false
  let isStarving = false
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
    let isListening = false
    let isStarved = false
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
    const hears = (chunk: Buffer) => {
      isListening ||= chunk.includes(SUBSCRIBES)
      return true
    }
    const isTold = () => {
      isStarved ||= isStarving && isListening
      return !isStarved
    }
    const pass = (from: Socket, to: Socket, passes: (chunk: Buffer) => boolean) => {
      from.setNoDelay(true)
      const line = createLine(() => (isHeld ? Number.POSITIVE_INFINITY : lag))
      lines.add(line)
      from.on('data', (chunk) => {
        if (isStalled || !passes(chunk)) return
        line.pass(() => {
          if (!to.write(chunk)) from.pause()
        })
      })
      from.on('drain', () => to.resume())
      from.once('close', () => {
        if (isStalled) return
        connections.delete(connection)
        // What came before the end is delivered first.
        line.pass(() => {
          lines.delete(line)
          to.destroySoon()
        })
      })
      from.resume()
    }
    pass(near, far, hears)
    pass(far, near, isTold)
  }

  const reset = () => {
    for (const connection of [...connections]) connection.reset()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    get heldBack() {
      return [...lines].reduce((sum, line) => sum + line.waiting, 0)
    },
    cut() {
      isCut = true
      reset()
    },
    heal() {
      isCut = false
      isStarving = false
      isHeld = false
      lag = 0
      for (const line of lines) line.release()
    },
    reset,
    delay(milliseconds) {
      lag = milliseconds
    },
    hold() {
      isHeld = true
    },
    starve() {
      isStarving = true
    },
    close() {
      reset()
      for (const socket of accepted) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Line is one direction of a connection: what passes later than it came keeps its order. */
interface Line {
  readonly waiting: number
  pass(run: () => void): void
  /** What is held back passes now. */
  release(): void
}

function createLine(lag: () => number): Line {
  const waiting: { readonly due: number; readonly run: () => void }[] = []
  let timer: NodeJS.Timeout | undefined

  function passDue(upTo: number): void {
    clearTimeout(timer)
    for (let first = waiting[0]; first && first.due <= upTo; first = waiting[0]) {
      waiting.shift()
      first.run()
    }
    const wait = (waiting[0]?.due ?? Number.POSITIVE_INFINITY) - performance.now()
    if (Number.isFinite(wait)) timer = setTimeout(() => passDue(performance.now()), Math.max(wait, 0))
  }

  return {
    get waiting() {
      return waiting.length
    },
    pass(run) {
      const wait = lag()
      if (wait <= 0 && waiting.length === 0) return run()
      waiting.push({ due: performance.now() + wait, run })
      if (waiting.length === 1) passDue(performance.now())
    },
    release: () => passDue(Number.POSITIVE_INFINITY),
  }
}

/** By a reset, which a unix socket does not know. */
function end(socket: Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy()
  else socket.resetAndDestroy()
}
