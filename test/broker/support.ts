import { VirtualTimeScheduler } from 'rxjs'
import type { RecoveryPoint } from '../../src/broker/log/log-recovery.ts'
import { PartitionLog } from '../../src/broker/log/partition-log.ts'
import { attribute, makeBatch } from '../../src/broker/log/record-batch.ts'
import { encodeBatch, readRecords, type StoredRecord } from '../../src/broker/log/records.ts'
import { logConfigOf, type TopicConfig } from '../../src/broker/topic/topic-config.ts'
import { type Clock, createClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { MemoryDirectory } from '../../src/storage/memory.ts'
import type { LogDirectory } from '../../src/storage/storage.ts'

/** Time that passes only when `advance` is called. */
export function virtualClock(startMs = 1_700_000_000_000): Clock & { advance(ms: number): Promise<void> } {
  const scheduler = new VirtualTimeScheduler()
  scheduler.frame = startMs
  const clock = createClock(scheduler)
  return {
    ...clock,
    async advance(ms) {
      const until = scheduler.frame + ms
      // What is due may wait for promises before it schedules what is due next.
      for (;;) {
        await settle()
        scheduler.maxFrames = until
        const next = scheduler.actions[0]
        if (!next || next.delay > until) break
        scheduler.flush()
      }
      scheduler.frame = until
    },
  }
}

/** Lets everything go on that waits for promises only. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

export interface TestRecord {
  readonly key?: string | null
  readonly value?: string | null
}

export interface TestBatch {
  readonly timestampMs?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
}

/** A batch as a producer sends it. */
export function batchOf(records: readonly TestRecord[], options: TestBatch = {}): Buffer {
  const bytes = (text: string | null | undefined) => (text == null ? null : Buffer.from(text))
  const batch = encodeBatch(
    records.map(({ key, value }) => ({ key: bytes(key), value: bytes(value) })),
    { timestampMs: options.timestampMs ?? 1_700_000_000_000 },
  )
  return makeBatch(
    {
      baseOffset: 0,
      lastOffset: records.length - 1,
      attributes: options.transactional ? attribute.transactional : 0,
      baseTimestampMs: options.timestampMs ?? 1_700_000_000_000,
      maxTimestampMs: options.timestampMs ?? 1_700_000_000_000,
      producerId: options.producerId ?? -1,
      producerEpoch: options.producerEpoch ?? (options.producerId === undefined ? -1 : 0),
      baseSequence: options.baseSequence ?? -1,
      recordCount: records.length,
    },
    batch.subarray(61),
  )
}

export function openLog(
  options: {
    directory?: LogDirectory
    config?: TopicConfig
    clock?: Clock
    startOffset?: number
    recoveryPoint?: RecoveryPoint
    hidesUnsynced?: boolean
  } = {},
): PartitionLog {
  const clock = options.clock ?? virtualClock()
  const log = new PartitionLog({
    topic: 'orders',
    partition: 0,
    name: 'orders.1/0',
    recoveryPoint: options.recoveryPoint,
    hidesUnsynced: options.hidesUnsynced ?? false,
    directory: options.directory ?? new MemoryDirectory(clock),
    config: logConfigOf({ 'retention.ms': '-1', ...options.config }),
    clock,
    logger: silentLogger,
    ...(options.startOffset !== undefined && { startOffset: options.startOffset }),
  })
  log.repair()
  return log
}

/** All records that a consumer would be given, batch by batch. */
export function recordsIn(log: PartitionLog, { committed = false } = {}): StoredRecord[] {
  const records: StoredRecord[] = []
  for (let offset = log.startOffset; ; ) {
    const slice = log.read(offset, 1, committed)
    if (!slice) return records
    records.push(...readRecords(slice.bytes))
    offset = slice.nextOffset
  }
}

export function valuesIn(log: PartitionLog): (string | null)[] {
  return recordsIn(log).map(({ value }) => value && String(value))
}
