import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { Chunk } from '../records/chunk.ts'

/**
 * An external system at the end of a path, which remembers itself how far it has come (exactly once: the offsets are
 * stored together with the rows). One batch is one contiguous range of offsets of one partition.
 */
export interface Sink<K, V, Connection = unknown> {
  /** Said in `describe()`, errors and metrics, such as `clickhouse shop.orders`. */
  readonly name: string
  /** Which connection of the environment it needs, such as `clickhouse`. */
  readonly connection: string
  /**
   * Called once by each instance, for one sink after the other. The sink's tasks wait for it, the others go on; so
   * retry within until the signal aborts. A rejection ends the program.
   */
  open(connection: Connection, context: SinkContext): Promise<SinkWriter<K, V>>
}

/** What the runtime gives to a sink. */
export interface SinkContext {
  /** The environment's: whatever waits or reads time does it by this one. */
  readonly clock: Clock
  /** The environment's. */
  readonly logger: Logger
  /** Aborted when the program stops for good: pending retries give up. */
  readonly signal: AbortSignal
  /** Told why a try has failed that is repeated, and undefined when one has succeeded: shown as how the sink is. */
  readonly tried?: (reason: string | undefined) => void
}

/** What an open sink does, for all partitions of its topics. */
export interface SinkWriter<K, V> {
  /** The offset to go on from; undefined: nothing of this partition has ever been written. */
  resumeOffset(topic: string, partition: number): Promise<number | undefined>
  /** Begins a batch; records are encoded as they are appended. */
  begin(topic: string, partition: number): SinkBatch<K, V>
  /**
   * Writes the batch, retrying with identical bytes while the fault may pass; resolves when it is durably there,
   * once. The answer is the offset to go on from: the batch's end, or, when a rival writer had been there first, the
   * end of what the rival wrote, which may lie beyond the batch or within it.
   * A record that the system refuses for good is left out as soon as `refuse` has resolved for it. Rejects with a
   * `RivuletError` when the batch can't be written at all, or, without `refuse`, not as it is: then nothing of it is there.
   * That ends the program, `retryable` or not: `SINK_UNREACHABLE`, `SINK_FAILED` or `DISK_FULL`, with the place.
   */
  write(batch: SinkBatch<K, V>, refuse?: Refuse): Promise<{ readonly nextOffset: number }>
  /** Frees what `open` has taken; nothing is written any more. */
  close(): Promise<void>
}

/**
 * Told of a record that can't be written, by its offset, and why; resolves when it is where such records go. It may be told
 * again of the same record after a crash. Rejects where such a record is not to be left out.
 */
export type Refuse = (offset: number, error: unknown) => Promise<void>

/** Records of one partition on their way, encoded as they come. */
export interface SinkBatch<K, V> {
  /** Of the input records. */
  readonly topic: string
  /** Of the input records. */
  readonly partition: number
  /** How many it has, against the policy's `rowsMax`. */
  readonly rows: number
  /** What it takes in memory: a batch goes out before it is too large, however few rows it has. */
  readonly bytes: number
  /**
   * `nextOffset` is behind the chunk's last input record, also of those that were filtered out on the way. Offsets rise
   * within a batch, with gaps; all records that were made of one offset are in one batch. Throws `ENCODE_FAILED`, with the
   * offset in its place, for a record that does not fit: then the batch is as it was before the chunk.
   */
  append(chunk: Chunk<K, V>, nextOffset: number): void
}
