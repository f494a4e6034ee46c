import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { COMMIT_DEADLINE_SECONDS } from './test/support/patience.ts'

const SECRETS = { JWT_SECRET: 'a'.repeat(40), JWT_REFRESH_SECRET: 'r'.repeat(40) }

export default defineConfig({
  test: {
    // Waits end by an event; these only bound a hang, on a machine that others have nearly all of.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 120_000 } },
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/workerd/**', 'test/cognito-local/**'],
          globalSetup: 'test/support/global-setup.ts',
          // Tests start real servers: processes keep their crashes, signals and globals apart.
          pool: 'forks',
        },
      },
      {
        extends: true,
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: { ...SECRETS, NODE_ENV: 'test', LOG_LEVEL: 'silent' },
              // Nobody listens there: what needs no database is tested here, everything else against the whole.
              hyperdrives: { POSTGRES: 'postgres://nobody:none@127.0.0.1:9/none' },
            },
          }),
        ],
        test: { name: 'workerd', include: ['test/workerd/*.test.ts'] },
      },
      {
        extends: true,
        plugins: [
          cloudflareTest(({ inject }) => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: {
                ...{ ...SECRETS, NODE_ENV: 'test', LOG_LEVEL: 'silent', RATE_LIMITS: 'off' },
                COMMIT_DEADLINE_SECONDS: String(COMMIT_DEADLINE_SECONDS),
              },
              hyperdrives: { POSTGRES: inject('hyperdriveUrl') },
            },
          })),
        ],
        test: {
          name: 'workerd over Postgres',
          // What one test does to Postgres all would feel.
          fileParallelism: false,
          include: ['test/workerd/postgres/*.test.ts'],
          globalSetup: 'test/support/workerd-setup.ts',
        },
      },
    ],
  },
})
