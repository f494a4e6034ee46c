import { defineConfig } from 'vitest/config'

/**
 * `npm run test:cognito`: apart from the other tests, because it takes 128 MB from the registry that the lock file
 * does not name.
 */
export default defineConfig({
  test: {
    include: ['test/cognito-local/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    pool: 'forks',
    hookTimeout: 120_000,
  },
})
