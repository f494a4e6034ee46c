import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** State of a socket that waits for connections, in proc(5)'s tables. */
const LISTEN = '0A'

/** portsOf lists the TCP ports of IPv4 on which a process listens, in the order in which it opened them. */
export function portsOf(pid: number): number[] {
  const ports = new Map<string, number>()
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    if (state === LISTEN) ports.set(inode, Number.parseInt(local.slice(local.indexOf(':') + 1), 16))
  }
  const folder = `/proc/${pid}/fd`
  const sockets = readdirSync(folder).sort((a, b) => Number(a) - Number(b))
  return sockets.flatMap(
    (name) => ports.get(/^socket:\[(\d+)\]$/.exec(readlink(`${folder}/${name}`))?.[1] ?? '') ?? [],
  )
}

function readlink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
