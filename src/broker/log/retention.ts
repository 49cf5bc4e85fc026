import type { PartitionLog } from './partition-log.ts'
import type { Segment } from './segment.ts'

/**
 * Moves the start of the log behind whole segments, by `retention.ms` (of the newest record in the segment) and
 * `retention.bytes`. As in Kafka the active segment goes too when all of it is too old.
 * Returns how many bytes are out of reach then.
 */
export function enforceRetention(log: PartitionLog, nowMs: number): number {
  const { config } = log
  if (!config.deletes) return 0
  if (config.retentionMs >= 0 && isExpired(log.segments.at(-1), nowMs, config.retentionMs)) log.roll()
  let excessBytes = config.retentionBytes < 0 ? 0 : log.sizeBytes - config.retentionBytes
  const gone: Segment[] = []
  for (const segment of log.segments.slice(0, -1)) {
    // Transactions that are still open need their records.
    if (segment.nextOffset > log.lastStableOffset) break
    const expired = config.retentionMs >= 0 && isExpired(segment, nowMs, config.retentionMs)
    if (!expired && excessBytes < segment.sizeBytes) break
    excessBytes -= segment.sizeBytes
    gone.push(segment)
  }
  log.deleteBefore(log.segments[gone.length]!.baseOffset)
  return gone.reduce((sum, segment) => sum + segment.sizeBytes, 0)
}

function isExpired(segment: Segment | undefined, nowMs: number, retentionMs: number): boolean {
  return segment !== undefined && segment.sizeBytes > 0 && nowMs - segment.maxTimestampMs > retentionMs
}
