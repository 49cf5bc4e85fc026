import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import { bounded } from './errors.ts'

export type { Logger } from 'pino'
/** From the least important lines to none at all. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
/** The least important lines that are written; `silent`: none. */
export type LogLevel = (typeof logLevels)[number]

/** What is written, how, and where to. */
export interface LoggerOptions {
  /** The least important lines that are written. */
  readonly level: LogLevel
  /** Readable lines for a person; else one JSON object a line. Default: whether stderr is a terminal. */
  readonly readable?: boolean
  /** Default: stderr, written synchronously, so that the last line before an exit is not lost. */
  readonly destination?: DestinationStream
}

/**
 * The one logger: stdout belongs to the program's answers, the log goes to stderr.
 *
 * @example
 * ```ts
 * run(app, { kafka, logger: createLogger({ level: 'info' }) })
 * ```
 */
export function createLogger({ level, readable = process.stderr.isTTY, destination }: LoggerOptions): Logger {
  const base = { level, base: null, serializers: { err: boundedError } }
  if (!readable) {
    return pino(
      {
        ...base,
        formatters: { level: (label) => ({ level: label }) },
        timestamp: pino.stdTimeFunctions.isoTime,
      },
      destination ?? pino.destination({ dest: 2, sync: true }),
    )
  }
  const lines = pretty({
    destination: destination ?? 2,
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    singleLine: true,
  })
  return pino(base, lines)
}

/** What others have thrown may quote all of the data that it is about. */
function boundedError(error: Error): unknown {
  const facts: object = pino.stdSerializers.err(error)
  return Object.fromEntries(
    Object.entries(facts).map(([name, fact]) => [name, typeof fact === 'string' ? bounded(fact) : fact]),
  )
}

/** Writes nothing: for tests. */
export const silentLogger: Logger = pino({ level: 'silent' })
