import type { RivuletError } from '../errors.ts'
import type { Chunk, Headers } from '../records/chunk.ts'

/** A record at which something failed, as the step that failed had it. */
export interface FailedRecord {
  /** The step that failed. */
  readonly step: string
  /** Of the input record that it came of: the topic's real name, or the source's. */
  readonly topic: string
  /** Of the input record. */
  readonly partition: number
  /** Of the input record; −1: it came of none, but of a source or of a punctuation. */
  readonly offset: number
  /** As the step was given it. */
  readonly key: unknown
  /** As the step was given it. */
  readonly value: unknown
  /** Event time, ms since the epoch. */
  readonly timestampMs: number
  /** Empty: it has none. */
  readonly headers: Headers
}

/** A record that could not be written to a topic. */
export interface UnwrittenRecord extends FailedRecord {
  /** Where it should have gone, by the topic's real name; undefined: the choice of the topic failed. */
  readonly destination: string | undefined
}

/**
 * What becomes of a record at which something failed: the program ends; the record is left out, counted; or the input
 * record that it came of goes, as it lies in its topic, to the topic `<input>-dead-letters`, with place, reason and stack
 * hash in headers, in the same transaction as the offset behind it.
 */
export type FailureOutcome = 'fail' | 'drop' | 'dead-letter'

/**
 * Decides on a record on which a user's callback has thrown (`error` is a `CALLBACK_FAILED` with the place). Source: Kafka
 * Streams `ProcessingExceptionHandler`.
 *
 * @example
 * ```ts
 * const onCallbackError: CallbackErrorHandler = (_error, { step }) => (step === 'parse' ? 'dead-letter' : 'fail')
 * run(app, { kafka, onCallbackError })
 * ```
 */
export type CallbackErrorHandler = (error: unknown, record: FailedRecord) => FailureOutcome

/**
 * Decides on a record that can't be written: its serializer or partitioner throws (`ENCODE_FAILED`), or Kafka refuses it
 * for good, as too large, by the topic's rules, or for want of permission (`KAFKA_FAILED`). Source: Kafka Streams
 * `ProductionExceptionHandler`.
 *
 * @example
 * ```ts
 * const onProductionError: ProductionErrorHandler = ({ code }) => (code === 'ENCODE_FAILED' ? 'dead-letter' : 'fail')
 * run(app, { kafka, onProductionError })
 * ```
 */
export type ProductionErrorHandler = (error: RivuletError, record: UnwrittenRecord) => FailureOutcome

/** What failed, and at which record. */
export interface Failure {
  readonly error: RivuletError
  readonly record: FailedRecord
}

/** Record `i` of the chunk, as the step had it. */
export function failedRecord(
  step: string,
  { topic, partition, keys, values, timestampsMs, offsets, headers }: Chunk<unknown, unknown>,
  i: number,
): FailedRecord {
  return {
    step,
    topic,
    partition,
    offset: offsets[i] ?? -1,
    key: keys[i],
    value: values[i],
    timestampMs: timestampsMs[i] ?? -1,
    headers: headers?.[i] ?? [],
  }
}
