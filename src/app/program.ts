import { realpathSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import { createLogger, type Logger } from '../logger.ts'
import type { Running, StopOutcome } from '../runtime/run.ts'
import type { Topology } from '../stream/topology.ts'
import { Closers } from './closers.ts'
import type { Connectors } from './connector.ts'
import { type Prepared, type ProgramOptions, readConfig, topologyOf } from './program-options.ts'
import type { Settings } from './setting.ts'
import { runFromShell } from './shell.ts'
import { startProgram } from './start-program.ts'

/**
 * A topology as a program of its own.
 *
 * @example
 * ```ts
 * const started = await shop.start({ env: { PORT: '0' } })
 * console.log(await (await fetch(`${started.url}readyz`)).json())
 * await started.stop()
 * ```
 */
export interface Program {
  /** The topology as it is with the default configuration: to look at, not to run. */
  describe(): Topology
  /** Runs it if `moduleUrl` is the file that Node was started with; else nothing happens. */
  main(moduleUrl: string): Promise<void>
  /** Starts it within this process, for tests and hosts of one's own: signals and exit codes are the caller's. */
  start(options?: StartOptions): Promise<StartedProgram>
}

/** What a program is told that is started within a process. */
export interface StartOptions {
  /** Flags, as on the command line. Default: none. */
  readonly args?: readonly string[]
  /** Variables. Default: none, whatever the process has. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Default: warnings and worse, on stderr. */
  readonly logger?: Logger
}

/** A program that was started within a process. */
export interface StartedProgram {
  /** With a slash at its end: `http://127.0.0.1:8502/`. */
  readonly url: string
  /** The topology; it may still be starting. */
  readonly running: Running
  /** Writes what was read, and closes all that it has opened. */
  stop(): Promise<StopOutcome>
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
  const configOf = (args: readonly string[], env: StartOptions['env'] = {}) => {
    const told = readConfig(options, args, env)
    if ('help' in told) throw new RivuletError('BAD_CONFIG', 'help can only be asked for in a shell')
    return told
  }
  return {
    describe: () => topologyOf(options, { config: configOf([]).config, prepared: undefined }),
    async main(moduleUrl) {
      if (isStartedFile(moduleUrl)) await runFromShell(options)
    },
    async start({ args = [], env, clock = systemClock, logger = createLogger({ level: 'warn' }) } = {}) {
      const told = configOf(args, env)
      const closers = new Closers(logger)
      const start = { ...told, closers, connections: new Closers(logger), clock, logger }
      try {
        const served = await startProgram(options, { ...start, stopped: new AbortController().signal })
        if (!served) throw new RivuletError('INTERNAL', 'nobody has stopped it')
        const stop = async () => {
          await closers.closeAll()
          return served.running.stop()
        }
        return { ...served, stop }
      } catch (error) {
        await closers.closeAll()
        throw error
      }
    },
  }
}

/** Node takes `node dist/words` for `dist/words.js`. */
function isStartedFile(moduleUrl: string): boolean {
  const file = fileURLToPath(moduleUrl)
  const [, started] = process.argv
  return started !== undefined && [started, started + extname(file)].some((path) => leadsTo(path, file))
}

function leadsTo(path: string, file: string): boolean {
  try {
    return realpathSync(path) === file
  } catch {
    return false // what it was started with is no file, such as `-e`
  }
}
