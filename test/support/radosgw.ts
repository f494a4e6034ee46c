import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { findPort } from '../../src/hosts/node/faults/servers/port.ts'
import type { S3Settings } from '../../src/hosts/node/files/s3.ts'

/** Milliseconds within which each part of it is up, on a machine that is busy. */
const PATIENCE = 240_000
const PAUSE = 250

/** Radosgw is a real S3 server of one's own: Ceph's gateway over a store in memory. */
export interface Radosgw {
  readonly settings: S3Settings
  stop(): Promise<void>
}

/**
 * startRadosgw starts Debian's packages on free ports, in a private folder, with a user and an empty bucket: some 3 s.
 * Its servers are started by `by`, where that is given.
 */
export async function startRadosgw({ by = [] }: { readonly by?: readonly string[] } = {}): Promise<Radosgw> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-rgw-'))
  const [monitor, port] = [await findPort(), await findPort()]
  const env = { ...process.env, CEPH_CONF: join(folder, 'ceph.conf') }
  const processes: ChildProcess[] = []
  const run = (name: string, ...args: string[]) =>
    execFileSync(name, args, { env, stdio: ['ignore', 'ignore', 'ignore'], timeout: PATIENCE })
  const begin = (...server: string[]) => {
    const [program = '', ...args] = [...by, ...server, '-f']
    processes.push(spawn(program, args, { env, stdio: 'ignore' }))
  }
  /** Asks again until it succeeds: a server that has begun is not yet one that answers. */
  async function until(ask: () => unknown): Promise<void> {
    for (const deadline = Date.now() + PATIENCE; ; await sleep(PAUSE)) {
      try {
        await ask()
        return
      } catch (error) {
        const ended = processes.find(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null)
        if (ended) throw new Error(`It ended: ${ended.spawnargs.join(' ')}`, { cause: error })
        if (Date.now() > deadline) throw error
      }
    }
  }
  async function stop(): Promise<void> {
    for (const child of processes.toReversed()) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await ended
    }
    rmSync(folder, { recursive: true, force: true })
  }

  const [fsid, osd] = [randomUUID(), randomUUID()]
  for (const name of ['mon', 'osd', 'rgw']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'ceph.conf'), toConfig({ folder, fsid, monitor, port }))
  const settings = {
    ...{ bucket: 'parley', region: 'us-east-1', endpoint: `http://127.0.0.1:${port}`, isPathStyle: true },
    credentials: { accessKeyId: 'parley-key', secretAccessKey: randomUUID() },
  }
  try {
    const map = join(folder, 'monmap')
    run('monmaptool', '--create', '--fsid', fsid, '--addv', 'a', `[v1:127.0.0.1:${monitor}]`, map)
    run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map)
    begin('ceph-mon', '-i', 'a')
    await until(() => run('ceph', '--connect-timeout', '5', 'osd', 'new', osd))
    writeFileSync(join(folder, 'osd', 'fsid'), osd)
    run('ceph', 'osd', 'crush', 'add', 'osd.0', '1', 'root=default', 'host=here')
    run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd)
    begin('ceph-osd', '-i', '0')
    begin('radosgw', '-n', 'client.rgw')
    await until(() => fetch(settings.endpoint, { signal: AbortSignal.timeout(1_000) }))
    const { accessKeyId, secretAccessKey } = settings.credentials
    const keys = [`--access-key=${accessKeyId}`, `--secret=${secretAccessKey}`]
    run('radosgw-admin', '-n', 'client.rgw', 'user', 'create', '--uid=u', '--display-name=u', ...keys)
    const client = new S3Client({ ...settings, forcePathStyle: true })
    await client.send(new CreateBucketCommand({ Bucket: settings.bucket }))
    client.destroy()
  } catch (error) {
    await stop()
    throw error
  }
  return { settings, stop }
}

interface Wanted {
  readonly folder: string
  readonly fsid: string
  readonly monitor: number
  readonly port: number
}

/** One monitor, one store in memory, no copies and no passwords between them. */
function toConfig({ folder, fsid, monitor, port }: Wanted): string {
  const settings = {
    ...{ fsid, 'mon host': `v1:127.0.0.1:${monitor}`, 'ms bind msgr2': false, keyring: '/dev/null' },
    ...{ 'public addr': '127.0.0.1', 'cluster addr': '127.0.0.1' },
    ...{ 'auth cluster required': 'none', 'auth service required': 'none', 'auth client required': 'none' },
    ...{ 'osd pool default size': 1, 'osd pool default min size': 1, 'mon allow pool size one': true },
    ...{
      'osd pool default pg num': 4,
      'osd pool default pgp num': 4,
      'osd pool default pg autoscale mode': 'off',
    },
    ...{ 'osd crush chooseleaf type': 0, 'mon max pg per osd': 2_000 },
    // The gateway asks for a dozen changes one after another, and each would wait for a second.
    ...{ 'paxos propose interval': 0.05, 'paxos min wait': 0.01 },
    // Its store would ask for its own place, now and then before the monitor has said which cluster this is: it ends then.
    ...{ 'osd crush update on start': false, 'osd class update on start': false },
    ...{ 'osd objectstore': 'memstore', 'memstore device bytes': 1_073_741_824 },
    ...{ 'mon data': join(folder, 'mon'), 'osd data': join(folder, 'osd'), 'rgw data': join(folder, 'rgw') },
    ...{ 'run dir': folder, 'pid file': `${folder}/$name.pid`, 'admin socket': `${folder}/$name.asok` },
    ...{ 'log file': `${folder}/$name.log`, 'rgw frontends': `beast endpoint=127.0.0.1:${port}` },
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  return ['[global]', ...lines, ''].join('\n')
}
