import { messageOf } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { errorCodes, KafkaError, type KafkaErrorCode } from './protocol/error-codes.ts'

/** Turns what was thrown into the code that a client is told, and says in the log what an operator must know. */
export class Faults {
  readonly #logger: Logger
  #storageFails = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  codeOf(error: unknown): KafkaErrorCode {
    if (error instanceof KafkaError) return error.code
    if (isStorageError(error)) {
      // Clients repeat what failed: once in the log is enough.
      if (!this.#storageFails)
        this.#logger.error({ error: messageOf(error) }, 'The disk refuses to be written')
      this.#storageFails = true
      return errorCodes.kafkaStorageError
    }
    this.#logger.error({ err: error }, 'A request failed unexpectedly')
    return errorCodes.unknownServerError
  }

  /** The same for requests to a coordinator, whose clients know other codes as worth a retry. */
  coordinatorCodeOf(error: unknown): KafkaErrorCode {
    const code = this.codeOf(error)
    return code === errorCodes.kafkaStorageError ? errorCodes.coordinatorNotAvailable : code
  }

  written(): void {
    if (!this.#storageFails) return
    this.#storageFails = false
    this.#logger.info('The disk can be written again')
  }
}

/** Of the file system, as Node tells it. */
export function isStorageError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && 'syscall' in error
}
