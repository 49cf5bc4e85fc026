import { aborted } from '../aborted.ts'
import { systemClock } from '../clock.ts'
import { messageOf, RivuletError } from '../errors.ts'
import { createLogger, type Logger } from '../logger.ts'
import type { Running, StopOutcome } from '../runtime/run.ts'
import { Closers } from './closers.ts'
import type { Connectors } from './connector.ts'
import { type Prepared, type ProgramOptions, readConfig, settingsOf } from './program-options.ts'
import { flagOf, variableOf } from './read-settings.ts'
import type { Settings } from './setting.ts'
import { startProgram } from './start-program.ts'
import { linesInto, terminalOf } from './terminal/terminal.ts'
import { TerminalBlock } from './terminal/terminal-block.ts'

/** Shutting down may take so long before the process ends all the same. */
const exitMsMax = 9_000
/** What must end at once may still take so long for the query that an embedded engine is at. */
const atOnceMsMax = 800

/** Runs a program in this process, from its settings to its exit code. */
export async function runFromShell<S extends Settings, C extends Connectors, P extends Prepared>(
  options: ProgramOptions<S, C, P>,
): Promise<void> {
  const told = toldOrExit(options)
  const terminal = told.config.statusBlock ? terminalOf(process) : undefined
  const block = terminal && new TerminalBlock(terminal)
  const logger = createLogger({
    level: told.config.logLevel,
    ...(terminal && { destination: linesInto(terminal.output) }),
  })
  const closers = new Closers(logger)
  const connections = new Closers(logger)
  const stopped = new AbortController()
  let isCutOff = false
  // A process that ends in the middle of a query of an embedded engine crashes, whatever its exit code was to be.
  const exitAtOnce = async (code: number) => {
    isCutOff = true
    await Promise.race([connections.closeAll(), systemClock.sleep(atOnceMsMax)])
    process.exit(code)
  }
  // What does not end by itself is ended, a start that hangs too: an operator waits at most 10 s.
  const endInTime = () =>
    setTimeout(() => {
      logger.error(`not everything has ended within ${exitMsMax} ms`)
      void exitAtOnce(1)
    }, exitMsMax).unref()
  stopped.signal.addEventListener('abort', endInTime)
  onSignals(logger, stopped, exitAtOnce)
  let failure: unknown
  let running: Running | undefined
  try {
    const served = await startProgram(options, {
      ...told,
      closers,
      connections,
      logger,
      clock: systemClock,
      stopped: stopped.signal,
      ...(block && { block }),
    })
    running = served?.running
    if (served && !stopped.signal.aborted) process.stdout.write(`Ready: ${served.url}\n`)
    await Promise.race([running?.done, aborted(stopped.signal)])
  } catch (error) {
    failure = error
    logger.fatal({ error: factsOf(error) }, sentenceOf(error, settingsOf(options)))
    endInTime()
  }
  await closers.closeAll()
  const outcome = await running?.stop().catch((error) => {
    failure ??= error // the log has it: it could not be closed in order
    return undefined
  })
  if (!isCutOff) process.exit(exitCodeOf(failure, outcome, logger))
}

/** Why it ended, and what it could be told instead. */
function sentenceOf(error: unknown, settings: Settings): string {
  const parameter = error instanceof RivuletError ? error.place.parameter : undefined
  if (parameter === undefined || !Object.hasOwn(settings, parameter)) return messageOf(error)
  const hint = `${variableOf(parameter)} or ${flagOf(parameter)}`
  return messageOf(error).includes(hint) ? messageOf(error) : `${messageOf(error)} (set by ${hint})`
}

/** A stack only where the fault is in somebody's code: what is wrong outside has none to look at. */
function factsOf(error: unknown): unknown {
  if (!(error instanceof RivuletError)) return error
  const { code, place, cause } = error
  const isBug = code === 'CALLBACK_FAILED' || code === 'INTERNAL'
  return { code, ...place, ...(isBug && cause instanceof Error && { stack: cause.stack }) }
}

/** Says how it ended, where that was not said yet. */
function exitCodeOf(failure: unknown, outcome: StopOutcome | undefined, logger: Logger): number {
  if (failure !== undefined) return failure instanceof RivuletError && failure.code === 'BAD_CONFIG' ? 2 : 1
  if (outcome === 'cut-off') {
    logger.error('stopped, but Kafka did not take everything in time: the next start fetches it again')
    return 1
  }
  if (outcome === 'sinks-behind')
    logger.warn('stopped; Kafka has everything that was read, and the next start writes it to the sinks')
  else logger.info('stopped; everything that was read is written')
  return 0
}

function toldOrExit<S extends Settings, C extends Connectors, P extends Prepared>(
  options: ProgramOptions<S, C, P>,
) {
  try {
    const told = readConfig(options, process.argv.slice(2), process.env)
    if (!('help' in told)) return told
    process.stdout.write(told.help)
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exit(2)
  }
}

/** The first signal drains, the second one ends at once. */
function onSignals(
  logger: Logger,
  stopped: AbortController,
  exitAtOnce: (code: number) => Promise<void>,
): void {
  const stop = (signal: string) => {
    if (stopped.signal.aborted) {
      void exitAtOnce(130)
      return
    }
    logger.info(`${signal}: stopping; what was read is written first (again: at once)`)
    stopped.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}
