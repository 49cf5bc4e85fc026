import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startProcess } from '../support/process.ts'

test('out of memory, a process with the embedded engine ends at once, and says so', async () => {
  const path = await mkdtemp(join(tmpdir(), 'rivulet-clickhouse-'))
  try {
    const program = startProcess('test/clickhouse/programs/out-of-memory.ts', [path], {
      NODE_OPTIONS: '--max-old-space-size=128',
    })
    await program.wrote('stderr', /JavaScript heap out of memory/)
    // No exit code: a signal has ended it.
    expect(await program.ended).toBeNull()
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}, 20_000)
