import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import { Compaction, type CompactionOptions } from '../log/compaction.ts'
import { PartitionLog } from '../log/partition-log.ts'
import { encodeBatch, readRecords } from '../log/records.ts'
import type { LogDirectory } from '../storage/storage.ts'
import { logConfigOf } from '../topic/topic-config.ts'

export interface Change {
  readonly key: string
  /** JSON; undefined removes the key. */
  readonly value: unknown
}

/**
 * What the broker must remember (topics, offsets, transactions): a map whose changes are batches of a compacted log
 * of its own, in the same format as every other. Changes made together are in one batch: all of them last, or none.
 */
export class StateTable {
  readonly log: PartitionLog
  readonly compaction: Compaction
  readonly #clock: Clock
  readonly #values = new Map<string, unknown>()

  constructor(
    directory: LogDirectory,
    options: { readonly clock: Clock; readonly logger: Logger; readonly compaction: CompactionOptions },
  ) {
    this.#clock = options.clock
    const config = logConfigOf({
      'cleanup.policy': 'compact',
      'segment.bytes': '1048576',
      'delete.retention.ms': '0',
    })
    this.log = new PartitionLog({ topic: 'broker state', partition: 0, directory, config, ...options })
    this.compaction = new Compaction(this.log, options.compaction)
    for (const segment of this.log.segments) {
      for (const { bytes } of segment.scan()) {
        for (const { key, value } of readRecords(bytes)) this.#set(String(key), value && parse(value))
      }
    }
  }

  get(key: string): unknown {
    return this.#values.get(key)
  }

  /** The keys that begin so, without that beginning. */
  *entries(prefix: string): Generator<[string, unknown]> {
    for (const [key, value] of this.#values) {
      if (key.startsWith(prefix)) yield [key.slice(prefix.length), value]
    }
  }

  /** Throws the operating system's error when it can't be written; then nothing has changed. */
  change(changes: readonly Change[]): void {
    if (changes.length === 0) return
    const records = changes.map(({ key, value }) => ({
      key: Buffer.from(key),
      value: value === undefined ? null : Buffer.from(JSON.stringify(value)),
    }))
    this.log.appendOwn(encodeBatch(records, { timestampMs: this.#clock.now() }))
    for (const { key, value } of changes) this.#set(key, value)
  }

  #set(key: string, value: unknown): void {
    if (value === undefined || value === null) this.#values.delete(key)
    else this.#values.set(key, value)
  }
}

function parse(value: Buffer): unknown {
  return JSON.parse(value.toString())
}
