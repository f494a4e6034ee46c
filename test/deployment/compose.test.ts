import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseConfig, Settings } from '../../src/config.ts'
import { openDirectory } from '../../src/hosts/node/directory.ts'
import { createMariadbServer } from '../support/mariadb.ts'

const PROJECT = resolve(import.meta.dirname, '../..')
const SECRETS = ['POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'MYSQL_PASSWORD', 'JWT_SECRET', 'JWT_REFRESH_SECRET']

interface ComposeService {
  readonly environment?: Readonly<Record<string, string | number>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: object
  readonly stop_grace_period?: string
  readonly volumes?: readonly string[]
}

const text = readFileSync(join(PROJECT, 'compose.yaml'), 'utf8')
const services: Record<string, ComposeService> = parse(text, { merge: true }).services
const instances = Object.entries(services).filter(([name]) => name.startsWith('parley-'))

describe('compose.yaml', () => {
  test('gives instances only settings that there are, and the same to all', () => {
    expect(instances).toHaveLength(3)
    const [first] = instances
    for (const [, { environment = {} }] of instances) {
      expect(Object.keys(environment).filter((name) => !(name in Settings.shape))).toEqual([])
      expect(environment).toEqual(first?.[1].environment)
    }
  })

  test('makes them instances of one service, that the service can start with', () => {
    for (const [, { environment = {} }] of instances) {
      expect(parseConfig(filledIn(environment))).toMatchObject({
        DATABASE_URL: 'postgres://parley:what-the-env-file-gives-for-POSTGRES_PASSWORD@postgres:5432/parley',
        REDIS_URL: 'redis://redis:6379',
        REDIS_PASSWORD: 'what-the-env-file-gives-for-REDIS_PASSWORD',
        TRUST_PROXY: 1,
      })
    }
  })

  test('holds no secret, and does not start without one', () => {
    const variables = [...text.matchAll(/\$\{(\w+)(:\?|:-)?/g)].filter(([, name]) => name !== 'PARLEY_PORT')
    expect(new Set(variables.map(([, name]) => name))).toEqual(new Set(SECRETS))
    for (const [, name, otherwise] of variables) expect([name, otherwise]).toEqual([name, ':?'])
    const secrets = Object.values(services).flatMap(({ environment = {} }) =>
      // RANDOM makes the image think one up.
      Object.entries(environment).filter(([name]) => /^(?!.*RANDOM).*(PASSWORD|SECRET|AUTH)/.test(name)),
    )
    for (const [name, value] of secrets) expect([name, value]).toEqual([name, expect.stringMatching(/^\$\{/)])
  })

  test('starts each part once what it needs is healthy', () => {
    for (const { depends_on = {} } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        expect(condition).toBe('service_healthy')
        expect(services[name]?.healthcheck).toBeDefined()
      }
    }
    expect(Object.keys(services.nginx?.depends_on ?? {})).toEqual(instances.map(([name]) => name))
  })

  test('leaves an instance longer to end than its goodbyes take', () => {
    for (const [, { stop_grace_period = '10s' }] of instances) {
      expect(Number.parseInt(stop_grace_period, 10)).toBeGreaterThan(parseConfig({}).DRAIN_SECONDS)
    }
  })

  test.each(['deploy/nginx.conf', 'deploy/haproxy.cfg'])('and %s name the same instances', (path) => {
    const addresses = readFileSync(join(PROJECT, path), 'utf8').match(/\S+:3000\b/g)
    expect(addresses).toEqual(instances.map(([name]) => `${name}:3000`))
  })
})

test('its MariaDB begins with names that its user can read', async () => {
  const server = await createMariadbServer()
  const image = 'docker_process_sql() { mariadb --no-defaults --user=root --socket="$SOCKET"; }'
  await promisify(execFile)('bash', ['-ec', `${image}; . deploy/mariadb.sh`], {
    cwd: PROJECT,
    env: { ...process.env, SOCKET: server.socketPath, READER_PASSWORD: 'reads-only' },
  })
  const { MYSQL_DB, MYSQL_USER, MYSQL_PASSWORD } = filledIn(instances[0]?.[1].environment ?? {})
  expect(MYSQL_PASSWORD).toContain('for-MYSQL_PASSWORD')
  const settings = { ...server.settings, MYSQL_DB, MYSQL_USER, MYSQL_PASSWORD: 'reads-only' }
  const { directory, close } = await openDirectory(parseConfig(settings))
  const dentist = { issuer: 'django', type: 'dentist', subject: '1' } as const
  expect(await directory?.find(dentist)).toMatchObject({ name: 'Dr. Grace Hopper' })
  await close()
  await server.remove()
})

function filledIn(environment: NonNullable<ComposeService['environment']>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      `${value}`.replace(
        /\$\{(\w+):\?[^}]*\}/,
        (_, secret: string) => `what-the-env-file-gives-for-${secret}`,
      ),
    ]),
  )
}
