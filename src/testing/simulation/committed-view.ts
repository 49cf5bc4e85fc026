import type { Services } from '../../broker/api/api.ts'
import type { PartitionLog } from '../../broker/log/partition-log.ts'
import { decodeRecords } from '../../kafka/decode-fetch.ts'
import type { Headers } from '../../records/chunk.ts'

/** A record as a reader of committed records has it. */
export interface SeenRecord {
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers?: Headers | undefined
}

interface Seen {
  readonly records: readonly SeenRecord[]
  readonly nextOffset: number
}

/**
 * What a reader of committed records would see at this very moment. It looks into the broker itself, so that looking takes
 * no time and changes nothing.
 */
export class CommittedView {
  readonly #services: Services

  constructor(services: Services) {
    this.#services = services
  }

  /** The group's offset; 0: none was committed. */
  committed(group: string, topic: string, partition: number): number {
    return this.#services.offsets.get(group, topic, partition)?.offset ?? 0
  }

  /** Up to here everything is decided. */
  endOffset(topic: string, partition: number): number {
    return this.#services.topics.get(topic)?.partitions[partition]?.lastStableOffset ?? 0
  }

  /** From `fromOffset` on; `nextOffset` is behind markers and aborted records, too. */
  read(topic: string, partition: number, fromOffset: number): Seen {
    const log = this.#services.topics.get(topic)?.partitions[partition]
    if (!log) return { records: [], nextOffset: fromOffset }
    const records: SeenRecord[] = []
    let nextOffset = Math.max(fromOffset, log.startOffset)
    // One read ends with its segment.
    for (
      let seen = readFrom(log, nextOffset);
      seen.nextOffset > nextOffset;
      seen = readFrom(log, nextOffset)
    ) {
      records.push(...seen.records)
      nextOffset = seen.nextOffset
    }
    return { records, nextOffset }
  }
}

function readFrom(log: PartitionLog, fromOffset: number): Seen {
  const { topic, partition, lastStableOffset } = log
  const slice =
    fromOffset < lastStableOffset ? log.read(fromOffset, Number.MAX_SAFE_INTEGER, true) : undefined
  if (!slice) return { records: [], nextOffset: fromOffset }
  const fetched = {
    ...{ topic, partition, errorCode: 0, endOffset: lastStableOffset },
    abortedTransactions: log.abortedIn(fromOffset, slice.nextOffset),
    batches: slice.bytes,
  }
  const { keys, values, timestampsMs, offsets, headers, nextOffset } = decodeRecords(fetched, fromOffset)
  const records = offsets.map((offset, i) => ({
    ...{ partition, offset, key: keys.at(i), value: values.at(i) },
    timestampMs: timestampsMs[i] as number,
    headers: headers?.[i],
  }))
  return { records, nextOffset }
}
