import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

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
        test: { name: 'workerd', include: ['test/workerd/**/*.test.ts'] },
      },
    ],
  },
})
