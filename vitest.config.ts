import { defineConfig } from 'vitest/config'

export default defineConfig({
  // `rivulet` is the source here, as for `tsx`.
  resolve: { tsconfigPaths: true },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    // Both cores are busy with brokers and engines: the time is for a slow machine, not for waiting.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    typecheck: { enabled: false },
  },
})
