import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Balancer is what stands in front of several instances: each connection goes to the next of them. */
export interface Balancer {
  readonly url: string
  close(): Promise<void>
}

export async function startBalancer(urls: readonly string[]): Promise<Balancer> {
  const ports = urls.map((url) => Number(new URL(url).port))
  const sockets = new Set<Socket>()
  let next = 0
  const server = createServer((client) => {
    next += 1
    const instance = connect(ports[next % ports.length] ?? 0, '127.0.0.1')
    for (const socket of [client, instance]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    }
    client.pipe(instance).pipe(client)
    client.once('close', () => instance.destroy())
    // What the instance said last still arrives: a socket that is destroyed with unread input takes it back.
    instance.once('close', () => client.unpipe(instance).resume().end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
