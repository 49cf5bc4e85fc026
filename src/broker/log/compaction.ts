import type { Clock } from '../../clock.ts'
import { type BatchCompressor, compressionOf, compressorOf } from '../../compression/compression.ts'
import { compactingName } from './log-recovery.ts'
import type { PartitionLog } from './partition-log.ts'
import { attribute, type BatchHeader, batchesChecksum } from './record-batch.ts'
import { deleteHorizonOf, filterBatch, readRecords, type StoredRecord } from './records.ts'
import type { Segment } from './segment.ts'

export interface CompactionOptions {
  readonly clock: Clock
  /** Keys remembered in one pass; what is beyond waits for the next one. */
  readonly keysMax: number
  /** Bytes read before other work gets a turn: this shares its core with the pipeline. */
  readonly sliceBytes: number
}

/** What one pass knows. */
interface Pass {
  /** The last offset of each key. */
  readonly latest: ReadonlyMap<string, number>
  /** Of batches that carry the sequence of a producer. */
  readonly protectedOffsets: ReadonlySet<number>
  /** Keys of what it has left standing for its producer's sake, though it is superseded. */
  readonly outlived: Set<string>
}

/** Keeps the last record of each key in the sealed segments of one log. One instance a log; one `run` at a time. */
export class Compaction {
  readonly #log: PartitionLog
  readonly #options: CompactionOptions
  /** Up to here the last pass has been. */
  #cleanBefore = 0

  constructor(log: PartitionLog, options: CompactionOptions) {
    this.#log = log
    this.#options = options
  }

  /**
   * One pass, if there is enough to gain (`min.cleanable.dirty.ratio`). Aborted records go, and so do the markers of
   * decided transactions, whose records stop being transactional. Tombstones go `delete.retention.ms` after a pass has first
   * seen them, so that whoever has read what it takes away hears of its end (KIP-534), and not before what they delete.
   * Nothing from `beforeOffset` on is touched. Returns the bytes freed.
   */
  async run(beforeOffset = this.#log.endOffset): Promise<number> {
    const sealed = this.#cleanable(beforeOffset)
    if (!this.#isWorthwhile(sealed)) return 0
    const latest = new Map<string, number>()
    const covered = await this.#latestOffsets(sealed, latest)
    const protectedOffsets = this.#log.producers.lastBatchOffsets()
    const pass: Pass = { latest, protectedOffsets, outlived: new Set() }
    const beforeBytes = this.#log.sizeBytes
    for (const group of groupBySize(covered, this.#log.config.segmentBytes)) {
      if (!(await this.#rewrite(group, pass))) return 0
    }
    this.#cleanBefore = covered.at(-1)?.nextOffset ?? this.#cleanBefore
    return beforeBytes - this.#log.sizeBytes
  }

  /** Sealed, decided, and old enough. */
  #cleanable(beforeOffset: number): Segment[] {
    const { config } = this.#log
    if (this.#log.shouldRoll(0)) this.#log.roll()
    const decidedBefore = Math.min(beforeOffset, this.#log.lastStableOffset)
    const oldEnoughMs = this.#options.clock.now() - config.minCompactionLagMs
    const sealed = this.#log.segments.slice(0, -1)
    const end = sealed.findIndex(
      (segment) => segment.nextOffset > decidedBefore || segment.file.modifiedAtMs > oldEnoughMs,
    )
    return end < 0 ? sealed : sealed.slice(0, end)
  }

  #isWorthwhile(sealed: readonly Segment[]): boolean {
    const total = sumBytes(sealed)
    const dirty = sumBytes(sealed.filter((segment) => segment.nextOffset > this.#cleanBefore))
    return dirty > 0 && dirty / total >= this.#log.config.minCleanableDirtyRatio
  }

  /** Fills `latest` with the last offset of each key, and returns the segments that it covers. */
  async #latestOffsets(sealed: readonly Segment[], latest: Map<string, number>): Promise<Segment[]> {
    const covered: Segment[] = []
    for (const segment of sealed) {
      for await (const { header, bytes } of this.#slices(segment)) {
        if (header.attributes & attribute.control || this.#isAborted(header)) continue
        for (const record of readRecords(bytes)) {
          if (record.key) latest.set(nameOf(record.key), record.offset)
        }
      }
      covered.push(segment)
      if (latest.size > this.#options.keysMax) break
    }
    return covered
  }

  /** Writes what is to be kept of `group` into one new segment and swaps it in; false when the log changed meanwhile. */
  async #rewrite(group: readonly Segment[], pass: Pass): Promise<boolean> {
    const { directory } = this.#log
    directory.remove(compactingName)
    const file = directory.open(compactingName)
    let checksum = 0
    let swapped = false
    try {
      for (const segment of group) {
        for await (const { header, bytes } of this.#slices(segment)) {
          const keep = await this.#keep(header, bytes, pass)
          if (!keep) continue
          file.append(keep)
          checksum = batchesChecksum(checksum, keep)
        }
      }
      await file.sync()
      const stillThere = group.every((segment) => this.#log.segments.includes(segment))
      if (stillThere) {
        file.setModifiedAt(Math.max(...group.map((segment) => segment.file.modifiedAtMs)))
        this.#log.replaceSegments(group, compactingName, checksum)
        swapped = true
      }
      return stillThere
    } finally {
      file.close()
      if (!swapped) directory.remove(compactingName)
    }
  }

  /** What stays of a batch; undefined for nothing. */
  async #keep(header: BatchHeader, bytes: Buffer, pass: Pass): Promise<Buffer | undefined> {
    if (header.attributes & attribute.control) return undefined
    if (this.#isAborted(header)) return undefined
    const records = readRecords(bytes)
    const nowMs = this.#options.clock.now()
    const horizonMs = deleteHorizonOf(header)
    const tombstonesExpired = horizonMs !== undefined && horizonMs < nowMs
    const kept = records.filter((record) => isKept(record, pass, tombstonesExpired))
    // The last batch of a producer carries its sequence number; consumers skip badly over batches without records.
    const last = records.at(-1)
    if (kept.length === 0 && last && pass.protectedOffsets.has(header.baseOffset)) {
      kept.push(last)
      if (last.key) pass.outlived.add(nameOf(last.key))
    }
    if (kept.length === 0) return undefined
    const transactional = header.attributes & attribute.transactional
    const deleteHorizonMs = kept.some(({ value }) => value === null)
      ? (horizonMs ?? nowMs + this.#log.config.deleteRetentionMs)
      : horizonMs
    if (kept.length === records.length && !transactional && deleteHorizonMs === horizonMs) return bytes
    return filterBatch(bytes, kept, { compressor: await compressorLike(header), deleteHorizonMs })
  }

  #isAborted(header: BatchHeader): boolean {
    if ((header.attributes & attribute.transactional) === 0) return false
    return this.#log
      .abortedIn(header.baseOffset, header.lastOffset + 1)
      .some((aborted) => aborted.producerId === header.producerId)
  }

  async *#slices(segment: Segment) {
    let bytesSincePause = 0
    for (const batch of segment.scan()) {
      yield batch
      bytesSincePause += batch.bytes.length
      if (bytesSincePause < this.#options.sliceBytes) continue
      bytesSincePause = 0
      await this.#options.clock.sleep(0)
    }
  }
}

/** What can be unpacked and not packed again, for want of a package, is kept as it is. */
async function compressorLike({ attributes }: BatchHeader): Promise<BatchCompressor | undefined> {
  return compressorOf(compressionOf(attributes) ?? 'none').catch(() => undefined)
}

function isKept(
  { key, value, offset }: StoredRecord,
  { latest, outlived }: Pass,
  tombstonesExpired: boolean,
): boolean {
  if (!key) return false
  const name = nameOf(key)
  if ((latest.get(name) ?? offset) > offset) return false
  // Without its tombstone, what is left of it before would be its last word.
  return value !== null || !tombstonesExpired || outlived.has(name)
}

const nameOf = (key: Buffer) => key.toString('latin1')

function groupBySize(segments: readonly Segment[], bytesMax: number): Segment[][] {
  const groups: Segment[][] = []
  let groupBytes = 0
  for (const segment of segments) {
    const group = groups.at(-1)
    if (group && groupBytes + segment.sizeBytes <= bytesMax) {
      group.push(segment)
      groupBytes += segment.sizeBytes
    } else {
      groups.push([segment])
      groupBytes = segment.sizeBytes
    }
  }
  return groups
}

function sumBytes(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
}
