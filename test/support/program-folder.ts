import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { type StartedProgram, startProgram } from './program.ts'

/** The data folder of the test that runs, and the programs that it has started on it. */
export interface ProgramFolder {
  readonly path: string
  /** Starts `crypto` on the folder, and waits until it is ready. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<StartedProgram>
}

/** Gives each test of a file a folder of its own; what it started is killed, and the folder gone, at its end. */
export function programFolder(): ProgramFolder {
  let path = ''
  let started: StartedProgram[] = []
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'rivulet-program-'))
    started = []
  })
  afterEach(async () => {
    for (const program of started) await program.stop('SIGKILL')
    rmSync(path, { recursive: true, force: true })
  })
  return {
    get path() {
      return path
    },
    async start(args, env = {}) {
      const program = await startProgram('crypto', args, { DATA_DIR: path, ...env })
      started.push(program)
      return program
    },
  }
}

/** That the newest trades of each symbol have each id once, none missing; there must be some. */
export async function expectNoGaps(program: StartedProgram): Promise<void> {
  const ticks = await program.get<{ symbol: string; trade_id: number }[]>('/api/recent?limit=1000')
  expect(ticks).not.toEqual([])
  for (const symbol of new Set(ticks.map((tick) => tick.symbol))) {
    const ids = ticks.filter((tick) => tick.symbol === symbol).map(({ trade_id }) => trade_id)
    const newest = Math.max(...ids)
    expect(ids.toSorted((a, b) => b - a)).toEqual(ids.map((_, i) => newest - i))
  }
}
