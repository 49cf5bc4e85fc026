import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { RivuletError } from '../errors.ts'
import type { Topology } from '../stream/topology.ts'
import type { Connectors } from './connector.ts'
import { type Prepared, type ProgramOptions, readConfig, topologyOf } from './program-options.ts'
import type { Settings } from './setting.ts'
import { runFromShell } from './shell.ts'

/** A topology as a program of its own, started from a shell. */
export interface Program {
  /** The topology as it is with the default configuration: to look at, not to run. */
  describe(): Topology
  /** Runs it if `moduleUrl` is the file that Node was started with; else nothing happens. */
  main(moduleUrl: string): Promise<void>
}

/**
 * Makes a program of a topology: settings from variables and flags, an embedded broker where no Kafka is named, a data
 * folder that no other process can have, health, metrics and the pipeline's state over HTTP, a log, and an end that
 * writes what was read. Exit codes: 0 drained; 1 a fault that retrying can't mend; 2 bad configuration; 130 cut off by a
 * second signal.
 *
 * @example
 * ```ts
 * export const words = program({ name: 'words', summary: 'Counts words.', topology: wordCount })
 * await words.main(import.meta.url)
 * ```
 */
export function program<
  S extends Settings = Record<never, never>,
  C extends Connectors = Record<never, never>,
  P extends Prepared = Prepared,
>(options: ProgramOptions<S, C, P>): Program {
  return {
    describe() {
      const told = readConfig(options, [], {})
      if ('help' in told) throw new RivuletError('INTERNAL', 'no arguments ask for no help')
      return topologyOf(options, { config: told.config, prepared: undefined })
    },
    async main(moduleUrl) {
      if (isStartedFile(moduleUrl)) await runFromShell(options)
    },
  }
}

function isStartedFile(moduleUrl: string): boolean {
  const [, started] = process.argv
  try {
    return started !== undefined && realpathSync(started) === fileURLToPath(moduleUrl)
  } catch {
    return false // what it was started with is no file, such as `-e`
  }
}
