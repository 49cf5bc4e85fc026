import type { Clock } from '../../clock.ts'
import { RivuletError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { LogDirectory } from '../storage/storage.ts'
import type { LogConfig } from '../topic/topic-config.ts'
import { encodeMarker, type Outcome, readMarker } from './control-batch.ts'
import { type AbortedTransaction, ProducerState } from './producer-state.ts'
import { attribute, type BatchHeader, placeBatch, readBatchHeader, stampBatch } from './record-batch.ts'
import { isReadable, readRecords } from './records.ts'
import { type ScannedBatch, Segment, type Slice, segmentBaseOffset, segmentName } from './segment.ts'
import { validateBatch } from './validate-batch.ts'

export interface PartitionLogOptions {
  readonly topic: string
  readonly partition: number
  readonly directory: LogDirectory
  readonly config: LogConfig
  readonly clock: Clock
  readonly logger: Logger
  /** From `DeleteRecords`; offsets below it are gone, even if their segment is still there. */
  readonly startOffset?: number
}

export interface Appended {
  readonly baseOffset: number
  /** The broker's time, for topics that stamp it; else −1. */
  readonly appendTimeMs: number
}

export interface Found {
  readonly offset: number
  readonly timestampMs: number
}

const copyBlockBytes = 1_048_576

/** The log of one partition: segments in a folder, what producers did in it, and who waits for more. */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly directory: LogDirectory
  readonly config: LogConfig
  readonly producers = new ProducerState()
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #listeners = new Set<(bytes: number) => void>()
  readonly #unsynced = new Set<Segment>()
  #segments: Segment[] = []
  #startOffset: number
  #firstUnstableOffset: number | undefined

  /** Opens the log and checks every batch in it. Throws `LOG_CORRUPT` where more than the last segment's tail is torn. */
  constructor(options: PartitionLogOptions) {
    this.topic = options.topic
    this.partition = options.partition
    this.directory = options.directory
    this.config = options.config
    this.#clock = options.clock
    this.#logger = options.logger
    this.#startOffset = options.startOffset ?? 0
    this.#recover()
  }

  get startOffset(): number {
    return Math.max(this.#startOffset, this.#segments[0]!.baseOffset)
  }

  /** Behind the last record: the high watermark, as there is one replica. */
  get endOffset(): number {
    return this.#active.nextOffset
  }

  /** Up to here every transaction is decided. */
  get lastStableOffset(): number {
    return this.#firstUnstableOffset ?? this.endOffset
  }

  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  /** In the order of offsets; the last one is appended to. */
  get segments(): readonly Segment[] {
    return this.#segments
  }

  /**
   * Appends what a producer sent, after checking it; a batch that was there before is answered with its old offset.
   * Throws a `KafkaError`, or the operating system's error (then nothing was appended).
   */
  append(sent: Buffer): Appended {
    const nowMs = this.#clock.now()
    const appendTimeMs = this.config.stampsAppendTime ? nowMs : -1
    const header = validateBatch(sent, this.config, nowMs)
    const duplicateOf = this.producers.duplicateOf(header)
    if (duplicateOf !== undefined) return { baseOffset: duplicateOf, appendTimeMs }
    const batch = Buffer.from(sent)
    if (this.config.stampsAppendTime) stampBatch(batch, nowMs)
    const placed = this.#write(batch)
    this.producers.appended(placed, nowMs)
    this.#notify(batch.length)
    return { baseOffset: placed.baseOffset, appendTimeMs }
  }

  /** Ends a producer's transaction here. */
  appendMarker(
    outcome: Outcome,
    producer: { readonly producerId: number; readonly producerEpoch: number },
  ): void {
    const nowMs = this.#clock.now()
    const marker = encodeMarker(outcome, producer, nowMs)
    this.producers.ended(this.#write(marker), outcome, nowMs)
    this.#notify(marker.length)
  }

  /** Appends a batch of the broker's own, which needs no check. */
  appendOwn(batch: Buffer): void {
    this.#write(batch)
    this.#notify(batch.length)
  }

  /**
   * Whole batches from `offset` on, up to `bytesMax` but one at least; with `committed`, none beyond the last stable
   * offset; undefined where there is nothing. Throws `OFFSET_OUT_OF_RANGE`.
   */
  read(offset: number, bytesMax: number, committed: boolean): Slice | undefined {
    if (offset < this.startOffset || offset > this.endOffset) {
      const range = `${this.startOffset} to ${this.endOffset}`
      throw new KafkaError(errorCodes.offsetOutOfRange, `offset ${offset} is not within ${range}`)
    }
    const beforeOffset = committed ? this.lastStableOffset : this.endOffset
    // A compacted segment may end before the next one begins: go on there.
    for (let i = this.#segmentIndexOf(offset); i < this.#segments.length && offset < beforeOffset; i++) {
      const slice = this.#segments[i]!.read(offset, bytesMax, beforeOffset)
      if (slice) return slice
    }
    return undefined
  }

  abortedIn(fromOffset: number, toOffset: number): AbortedTransaction[] {
    return this.producers.abortedIn(fromOffset, toOffset)
  }

  /** The first record that is at least as late; undefined when there is none. */
  findTimestamp(timestampMs: number): Found | undefined {
    for (const segment of this.#segments) {
      if (segment.maxTimestampMs < timestampMs) continue
      for (const batch of segment.scanForTimestamp(timestampMs)) {
        const found = this.#findIn(batch, timestampMs)
        if (found) return found
      }
    }
    return undefined
  }

  /** Forgets what is before `offset`; whole segments are removed, the rest is out of reach. Source: `DeleteRecords`. */
  deleteBefore(offset: number): void {
    this.#startOffset = Math.max(this.#startOffset, offset)
    let gone = 0
    while (gone < this.#segments.length - 1 && this.#segments[gone + 1]!.baseOffset <= this.#startOffset)
      gone++
    this.removeSegments(this.#segments.slice(0, gone))
  }

  /** Begins a new segment, so that the one before can be removed or compacted. */
  roll(): void {
    const active = this.#active
    if (active.sizeBytes === 0) return
    // Only the last segment may be torn: the one before must be whole before there is another.
    active.file.syncNow()
    this.#unsynced.delete(active)
    this.#segments.push(new Segment(this.directory, active.nextOffset))
  }

  /** Whether `segment.bytes` or `segment.ms` asks for a new segment before the next append. */
  shouldRoll(bytes: number): boolean {
    const { sizeBytes, firstAppendMs } = this.#active
    if (sizeBytes === 0) return false
    const ageMs = firstAppendMs === undefined ? 0 : this.#clock.now() - firstAppendMs
    return sizeBytes + bytes > this.config.segmentBytes || ageMs > this.config.segmentMs
  }

  removeSegments(segments: readonly Segment[]): void {
    for (const segment of segments) {
      segment.file.close()
      this.#unsynced.delete(segment)
      this.directory.remove(segmentName(segment.baseOffset))
    }
    this.#segments = this.#segments.filter((segment) => !segments.includes(segment))
    this.producers.forgetAbortedBefore(this.startOffset)
  }

  /** Puts a compacted copy (already on the medium, under `temporaryName`) in the place of `replaced`. */
  replaceSegments(replaced: readonly Segment[], temporaryName: string): void {
    const [first, ...others] = replaced
    if (!first) return
    const index = this.#segments.indexOf(first)
    for (const segment of replaced) {
      segment.file.close()
      this.#unsynced.delete(segment)
    }
    this.directory.rename(temporaryName, segmentName(first.baseOffset))
    for (const segment of others) this.directory.remove(segmentName(segment.baseOffset))
    const cleaned = new Segment(this.directory, first.baseOffset)
    cleaned.recover(() => {})
    this.#segments.splice(index, replaced.length, cleaned)
  }

  /** Calls `listener` with the number of bytes after each append; the answer stops that. */
  onAppend(listener: (bytes: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves once everything appended before is on the medium. */
  async sync(): Promise<void> {
    const segments = [...this.#unsynced]
    this.#unsynced.clear()
    try {
      await Promise.all(segments.map((segment) => segment.file.sync()))
    } catch (error) {
      for (const segment of segments) this.#unsynced.add(segment)
      throw error
    }
  }

  close(): void {
    for (const segment of this.#segments) segment.file.close()
  }

  /** For a topic that is deleted: nothing is written any more, and whoever waits for more is woken. */
  remove(): void {
    this.close()
    this.#unsynced.clear()
    for (const listener of this.#listeners) listener(Number.POSITIVE_INFINITY)
  }

  get #active(): Segment {
    return this.#segments.at(-1)!
  }

  #write(batch: Buffer): BatchHeader {
    if (this.shouldRoll(batch.length)) this.roll()
    const active = this.#active
    placeBatch(batch, this.endOffset)
    const header = readBatchHeader(batch)
    active.append(batch, header)
    active.firstAppendMs ??= this.#clock.now()
    this.#unsynced.add(active)
    return header
  }

  #notify(bytes: number): void {
    this.#firstUnstableOffset = this.producers.firstUnstableOffset()
    for (const listener of this.#listeners) listener(bytes)
  }

  #segmentIndexOf(offset: number): number {
    let index = this.#segments.length - 1
    while (index > 0 && this.#segments[index]!.baseOffset > offset) index--
    return index
  }

  #findIn({ bytes, header }: ScannedBatch, timestampMs: number): Found | undefined {
    if (header.maxTimestampMs < timestampMs || header.lastOffset < this.startOffset) return undefined
    if (header.attributes & attribute.control) return undefined
    if (!isReadable(header.attributes))
      return { offset: header.baseOffset, timestampMs: header.baseTimestampMs }
    return readRecords(bytes).find(
      (record) => record.timestampMs >= timestampMs && record.offset >= this.startOffset,
    )
  }

  #recover(): void {
    const bases: number[] = []
    for (const name of this.directory.files()) {
      const base = segmentBaseOffset(name)
      if (base === undefined)
        this.directory.remove(name) // A compaction that was cut short.
      else bases.push(base)
    }
    bases.sort((a, b) => a - b)
    const nowMs = this.#clock.now()
    for (const base of bases) this.#recoverSegment(base, base === bases.at(-1), nowMs)
    if (this.#segments.length === 0) this.#segments.push(new Segment(this.directory, this.#startOffset))
    this.#firstUnstableOffset = this.producers.firstUnstableOffset()
    this.producers.forgetAbortedBefore(this.startOffset)
  }

  #recoverSegment(base: number, isLast: boolean, nowMs: number): void {
    const before = this.#segments.at(-1)
    if (before && before.nextOffset > base) {
      // A compaction had merged it into the one before, and was cut short before removing it.
      this.directory.remove(segmentName(base))
      return
    }
    const segment = new Segment(this.directory, base)
    const soundBytes = segment.recover(({ header, bytes }) => this.#replay(header, bytes, nowMs))
    if (soundBytes < segment.sizeBytes) this.#cut(segment, soundBytes, isLast)
    segment.firstAppendMs = segment.sizeBytes > 0 ? segment.file.modifiedAtMs : undefined
    this.#segments.push(segment)
  }

  #replay(header: BatchHeader, bytes: Buffer, nowMs: number): void {
    if ((header.attributes & attribute.control) === 0) {
      this.producers.appended(header, nowMs)
      return
    }
    const outcome = readMarker(bytes)
    if (outcome) this.producers.ended(header, outcome, nowMs)
  }

  #cut(segment: Segment, soundBytes: number, isLast: boolean): void {
    const place = { topic: this.topic, partition: this.partition, offset: segment.nextOffset }
    const tornBytes = segment.sizeBytes - soundBytes
    const file = `${this.directory.path}/${segmentName(segment.baseOffset)}`
    if (!isLast) {
      const what = `${file} is damaged at byte ${soundBytes}, and more of the log follows it`
      throw new RivuletError('LOG_CORRUPT', `${what}; restore it, or move it and what follows away`, {
        place,
      })
    }
    // Of a crash it is what was never written to the end; of a damaged disk there may be sound records in it.
    const kept = `${segmentName(segment.baseOffset)}.cut-${soundBytes}`
    this.directory.remove(kept)
    const copy = this.directory.open(kept)
    for (let at = soundBytes; at < segment.sizeBytes; at += copyBlockBytes)
      copy.append(segment.file.read(at, copyBlockBytes))
    copy.close()
    segment.truncate(soundBytes)
    this.#logger.warn(
      { ...place, tornBytes, file, kept },
      'Cut the torn tail of a log: it was never written to the end, or is damaged; its bytes are kept beside it',
    )
  }
}
