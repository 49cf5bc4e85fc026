import { defineConfig } from 'vitest/config'

/** Folders whose tests leave nothing behind in their process: it need not load everything again for each file. */
const units = [
  'broker',
  'clickhouse',
  'compression',
  'operators',
  'records',
  'runtime',
  'serdes',
  'state',
  'stream',
  'windows',
].map((folder) => `test/${folder}/**/*.test.ts`)

export default defineConfig({
  // `rivulet` is the source here, as for `tsx`.
  resolve: { tsconfigPaths: true },
  test: {
    setupFiles: ['test/support/setup.ts'],
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    // Both cores are busy with brokers and engines: the time is for a slow machine. Many tests wait for processes of their own:
    // three at a time keep two cores busy.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 3,
    typecheck: { enabled: false },
    projects: [
      { extends: true, test: { name: 'units', include: units, isolate: false } },
      { extends: true, test: { name: 'wholes', include: ['test/**/*.test.ts'], exclude: units } },
    ],
  },
})
