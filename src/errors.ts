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
  | 'KAFKA_UNREACHABLE'
  | 'KAFKA_NO_ANSWER'
  | 'KAFKA_FAILED'
  | 'KAFKA_FENCED'
  | 'CLICKHOUSE_UNREACHABLE'
  | 'CLICKHOUSE_FAILED'
  | 'CLICKHOUSE_REJECTED'
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
  readonly step?: string
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
  readonly table?: string
  readonly rows?: number
  readonly parameter?: string
  readonly path?: string
}

export interface ErrorOptions {
  readonly cause?: unknown
  /** Whether the same call may succeed later, unchanged. An unknown error is not retryable. */
  readonly retryable?: boolean
  readonly place?: ErrorPlace
}

/** The one base class of Rivulet's errors: each edge translates its client's errors into it. */
export class RivuletError extends Error {
  override readonly name = 'RivuletError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly place: ErrorPlace

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.place = options.place ?? {}
  }
}

export function isRetryable(error: unknown): boolean {
  return error instanceof RivuletError && error.retryable
}

/** The sentence of whatever was thrown: anything can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
