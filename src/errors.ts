import { shortened, shown } from './shown.ts'

/** Every way in which Rivulet fails. The union makes `switch (error.code)` exhaustive. */
export type ErrorCode =
  // What the user wrote
  | 'BAD_CONFIG'
  | 'BAD_TOPOLOGY'
  | 'BAD_REQUEST'
  | 'CALLBACK_FAILED'
  // What arrived
  | 'DECODE_FAILED'
  | 'ENCODE_FAILED'
  | 'BUFFER_FULL'
  // What is outside
  | 'SOURCE_FAILED'
  | 'SOURCE_UNREACHABLE'
  | 'SINK_FAILED'
  | 'SINK_UNREACHABLE'
  | 'KAFKA_UNREACHABLE'
  | 'KAFKA_NO_ANSWER'
  | 'KAFKA_FAILED'
  | 'KAFKA_FENCED'
  | 'CLICKHOUSE_UNREACHABLE'
  | 'CLICKHOUSE_FAILED'
  | 'CLICKHOUSE_REJECTED'
  | 'REGISTRY_UNREACHABLE'
  | 'REGISTRY_REJECTED'
  | 'TIMED_OUT'
  | 'NOT_READY'
  // What the machine gives
  | 'PORT_IN_USE'
  | 'DATA_DIR_IN_USE'
  | 'DATA_DIR_UNUSABLE'
  | 'DISK_FULL'
  | 'LOG_CORRUPT'
  // What should not be
  | 'SIMULATION_FAILED'
  | 'INTERNAL'

/** Where it happened; what is known of it. */
export interface ErrorPlace {
  /** The step's name, or the store's. */
  readonly step?: string
  /** The state store's name. */
  readonly store?: string
  /** The topic's name, with the environment's prefix where it has one. */
  readonly topic?: string
  /** Of the topic. */
  readonly partition?: number
  /** Of the record; −1: of none. */
  readonly offset?: number
  /** The ClickHouse table's name. */
  readonly table?: string
  /** How many rows were to be written. */
  readonly rows?: number
  /** The setting, option or request parameter that is wrong. */
  readonly parameter?: string
  /** The file or folder. */
  readonly path?: string
}

/** What an error knows beside its sentence. */
export interface ErrorOptions {
  /** What was thrown below. */
  readonly cause?: unknown
  /** Whether the same call may succeed later, unchanged. An unknown error is not retryable. */
  readonly retryable?: boolean
  /** Where it happened. */
  readonly place?: ErrorPlace
}

/**
 * The one base class of Rivulet's errors: each edge translates its client's errors into it.
 *
 * @example
 * ```ts
 * await run(app, { kafka }).done.catch((error: unknown) => {
 *   if (error instanceof RivuletError && error.code === 'CALLBACK_FAILED') console.error(error.place)
 *   throw error
 * })
 * ```
 */
export class RivuletError extends Error {
  /** Always `RivuletError`. */
  override readonly name = 'RivuletError'
  /** Which kind of failure it is. */
  readonly code: ErrorCode
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean
  /** Where it happened; empty where nobody knows. */
  readonly place: ErrorPlace

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(bounded(message), options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.place = options.place ?? {}
  }
}

/** Whether the same call may succeed later: only a `RivuletError` can say so. */
export function isRetryable(error: unknown): boolean {
  return error instanceof RivuletError && error.retryable
}

/** What a user's own code throws says nothing about whether it passes; what is an error of ours does. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof RivuletError) || error.retryable
}

/** The sentence of whatever was thrown, bounded: anything can be thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return bounded(error.message)
  return bounded(typeof error === 'string' ? error : shown(error))
}

const sentenceCharactersMax = 4_000

/** Sentences quote data, and data may be large: they stand in logs, in records' headers and in answers. */
export function bounded(sentence: string): string {
  return shortened(sentence, sentenceCharactersMax)
}
