import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    // Tests start real servers: processes keep their crashes, signals and globals apart.
    pool: 'forks',
    maxWorkers: 2,
    // Waits end by an event; these only bound a hang, on a machine with two busy cores.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
