import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { findPostgres } from '../src/hosts/node/faults/servers/postgres.ts'
import { findRedis } from '../src/hosts/node/faults/servers/redis.ts'

/** What tests and the fault matrix run against, before they begin: test files that installed side by side would be in each other's way. */
const SERVERS = [
  { debian: 'postgresql', isThere: () => findPostgres() !== undefined },
  { debian: 'redis-server', isThere: () => findRedis() !== undefined },
  { debian: 'nginx-light', isThere: () => existsSync('/usr/sbin/nginx') },
  { debian: 'haproxy', isThere: () => existsSync('/usr/sbin/haproxy') },
  { debian: 'mariadb-server', isThere: () => existsSync('/usr/sbin/mariadbd') },
  {
    debian: 'python3-djangorestframework-simplejwt',
    isThere: () => existsSync('/usr/lib/python3/dist-packages/rest_framework_simplejwt'),
  },
  { debian: 'openssl', isThere: () => existsSync('/usr/bin/openssl') },
  { debian: 'radosgw', isThere: () => existsSync('/usr/bin/radosgw') },
  { debian: 'ceph-mon', isThere: () => existsSync('/usr/bin/ceph-mon') },
  { debian: 'ceph-osd', isThere: () => existsSync('/usr/bin/ceph-osd') },
  { debian: 'ceph-common', isThere: () => existsSync('/usr/bin/ceph') },
]

const missing = () => SERVERS.flatMap(({ debian, isThere }) => (isThere() ? [] : [debian]))

const wanted = missing()
if (wanted.length > 0 && process.getuid?.() === 0) {
  console.log(`Installing what the tests run against: ${wanted.join(', ')}`)
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const
  try {
    execFileSync('apt-get', ['update'], options)
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...wanted], options)
  } catch {
    // What is still missing is told below.
  }
}
const left = missing()
if (left.length > 0) {
  console.error(`The tests need servers that are missing: apt-get install ${left.join(' ')}`)
  process.exitCode = 1
}
