import * as v from 'valibot'
import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import type { LogDirectory } from '../../storage/storage.ts'
import { Compaction, type CompactionOptions } from '../log/compaction.ts'
import { PartitionLog } from '../log/partition-log.ts'
import { encodeBatch, readRecords } from '../log/records.ts'
import type { ScannedBatch } from '../log/segment.ts'
import { logConfigOf } from '../topic/topic-config.ts'
import type { RecoveryPoints } from './recovery-points.ts'

export interface Change {
  readonly key: string
  /** JSON; undefined removes the key. */
  readonly value: unknown
}

/** For a change that means something only while a log goes at least up to there. */
export type LogPosition = readonly [log: string, endOffset: number]

/** Its name among the recovery points. */
export const stateLogName = 'state'

const restsOnKey = 'rests on'
const rolledBackKey = 'rolled back'
const storedPositions = v.array(v.tuple([v.string(), v.number()]))

/**
 * What the broker must remember (topics, offsets, transactions): a map whose changes are batches of a compacted log
 * of its own, in the same format as every other. Changes made together are in one batch: all of them last, or none.
 */
export class StateTable {
  readonly log: PartitionLog
  readonly compaction: Compaction
  readonly #clock: Clock
  readonly #values = new Map<string, unknown>()
  readonly #atRecoveryPoint = new Map<string, unknown>()
  readonly #restsOn = new Map<string, number>()

  constructor(
    directory: LogDirectory,
    options: {
      readonly clock: Clock
      readonly logger: Logger
      readonly compaction: CompactionOptions
      readonly recoveryPoints: RecoveryPoints
    },
  ) {
    this.#clock = options.clock
    const config = logConfigOf({
      'cleanup.policy': 'compact',
      'segment.bytes': '1048576',
      'delete.retention.ms': '0',
    })
    const recoveryPoint = options.recoveryPoints.of(stateLogName)
    const recoveredTo = recoveryPoint?.endOffset ?? 0
    this.log = new PartitionLog({
      ...{ topic: 'broker state', partition: 0, name: stateLogName, directory, config, recoveryPoint },
      ...{ clock: options.clock, logger: options.logger },
      onFound: (batch) => this.#found(batch, batch.header.baseOffset >= recoveredTo),
    })
    this.compaction = new Compaction(this.log, options.compaction)
  }

  /** What the changes behind the recovery point, as they were found, rest on. */
  get restsOn(): Iterable<LogPosition> {
    return this.#restsOn
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
  change(changes: readonly Change[], restsOn: readonly LogPosition[] = []): void {
    if (changes.length === 0) return
    const all = restsOn.length === 0 ? changes : [...changes, { key: restsOnKey, value: restsOn }]
    const records = all.map(({ key, value }) => ({
      key: Buffer.from(key),
      value: value === undefined ? null : Buffer.from(JSON.stringify(value)),
    }))
    this.log.appendOwn(encodeBatch(records, { timestampMs: this.#clock.now() }))
    for (const { key, value } of changes) this.#set(key, value)
  }

  /** The keys that begin so and were found changed behind the recovery point, with the values that they had there. */
  changedSince(prefix: string): Change[] {
    return [...this.#atRecoveryPoint]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => ({ key, value }))
  }

  /** Makes such changes, in place of all that was found behind the recovery point; they last when this returns. */
  rollBack(changes: readonly Change[]): void {
    this.change([...changes, { key: rolledBackKey, value: true }])
    this.log.syncNow()
  }

  #found({ bytes }: ScannedBatch, isBehindRecoveryPoint: boolean): void {
    for (const record of readRecords(bytes)) {
      const key = String(record.key)
      const value = record.value ? JSON.parse(record.value.toString()) : undefined
      if (key === restsOnKey) {
        if (isBehindRecoveryPoint) this.#foundPositions(v.parse(storedPositions, value))
        continue
      }
      if (key === rolledBackKey) this.#restsOn.clear()
      if (isBehindRecoveryPoint && !this.#atRecoveryPoint.has(key))
        this.#atRecoveryPoint.set(key, this.#values.get(key))
      this.#set(key, value)
    }
  }

  #foundPositions(positions: readonly LogPosition[]): void {
    for (const [log, endOffset] of positions)
      this.#restsOn.set(log, Math.max(endOffset, this.#restsOn.get(log) ?? 0))
  }

  #set(key: string, value: unknown): void {
    if (value === undefined || value === null) this.#values.delete(key)
    else this.#values.set(key, value)
  }
}
