import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { startProcess } from '../support/process.ts'

/** Starts an example as its reader does, waits for what it prints, and sends it Ctrl-C: it must drain. */
export async function interruptExample(name: string, printed: RegExp): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), `rivulet-${name}-`))
  try {
    const example = startProcess(`pipelines/${name}.ts`, ['--port', '0'], { DATA_DIR: folder })
    await example.wrote('stdout', printed)
    example.signal('SIGINT')
    expect(await example.ended).toBe(0)
    expect(example.output.stderr).toContain('everything that was read is written')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
