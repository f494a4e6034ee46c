import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findPostgres } from '../src/hosts/node/faults/servers/postgres.ts'
import { findRedis } from '../src/hosts/node/faults/servers/redis.ts'
import { COGNITO_LOCAL, hasCognitoLocal } from '../test/support/cognito-local.ts'

/** What the tests run against, before they begin: test files that installed side by side would be in each other's way. */
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

/** The test that needs it says so and is left out where there is no registry to have it from. */
function installCognitoLocal(): void {
  const { folder, version } = COGNITO_LOCAL
  if (hasCognitoLocal()) return
  console.log('Installing what the tests run against: cognito-local')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts']
  try {
    execFileSync('npm', ['install', ...quiet, `cognito-local@${version}`], { cwd: folder, stdio: 'ignore' })
  } catch {
    console.error('cognito-local cannot be had: its test will be left out')
  }
}

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
installCognitoLocal()
const left = missing()
if (left.length > 0) {
  console.error(`The tests need servers that are missing: apt-get install ${left.join(' ')}`)
  process.exitCode = 1
}
