import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import type { LogDirectory } from '../../storage/storage.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { LogConfig } from '../topic/topic-config.ts'
import { encodeMarker, type Marker, type ProducerOfMarker, readMarker } from './control-batch.ts'
import { type EpochEnd, LeaderEpochs } from './leader-epochs.ts'
import { cutSegment, cutTail, mayBeCompacted, type RecoveryPoint, recoverSegments } from './log-recovery.ts'
import { type AbortedTransaction, ProducerState } from './producer-state.ts'
import { attribute, type BatchHeader, placeBatch, readBatchHeader, stampBatch } from './record-batch.ts'
import { type ScannedBatch, Segment, type SegmentName, type Slice, segmentName } from './segment.ts'
import { validateBatch } from './validate-batch.ts'

export interface PartitionLogOptions {
  readonly topic: string
  readonly partition: number
  readonly directory: LogDirectory
  readonly config: LogConfig
  readonly clock: Clock
  readonly logger: Logger
  /** Among the recovery points. */
  readonly name: string
  /** From `DeleteRecords`; offsets below it are gone, even if their segment is still there. */
  readonly startOffset?: number
  /** What is known to be on the medium. */
  readonly recoveryPoint?: RecoveryPoint | undefined
  /** Whether consumers are given only what is on the medium, so that they never have read what is lost. */
  readonly hidesUnsynced?: boolean
  /** Default 0: written with each batch, if the log holds none that is as high. */
  readonly leaderEpoch?: number
  /** Called with each batch that is found, in order. */
  readonly onFound?: (batch: ScannedBatch) => void
}

export interface Appended {
  readonly baseOffset: number
  /** The broker's time, for topics that stamp it; else −1. */
  readonly appendTimeMs: number
}

/**
 * The log of one partition: segments in a folder, what producers did in it, and who waits for more. After a start it is first
 * only read, so that a log that is refused is left as it was; `repair` makes it fit for use.
 */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly name: string
  readonly directory: LogDirectory
  /** Heeded from the next append, roll and tidying on, when it is replaced. */
  config: LogConfig
  /** What the recovery points on the medium say of this log; who writes them sets it. */
  recoveryPoint: RecoveryPoint | undefined
  readonly producers = new ProducerState()
  /** Raised with each change of leader, and each start: who asks with another one has not heard of it. */
  leaderEpoch: number
  readonly #epochs = new LeaderEpochs()
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #listeners = new Set<() => void>()
  readonly #hidesUnsynced: boolean
  readonly #leftovers: readonly string[]
  readonly #soundBytes: number
  #restsOnState = 0
  #segments: Segment[]
  #startOffset: number
  /** Up to here everything is on the medium. */
  #syncedOffset: number
  #firstUnstableOffset: number | undefined

  /** Opens the log and checks every batch in it. Throws `LOG_CORRUPT` where something is missing that a crash can't take. */
  constructor(options: PartitionLogOptions) {
    const { topic, partition, directory, config, recoveryPoint, startOffset = 0 } = options
    this.topic = topic
    this.partition = partition
    this.name = options.name
    this.directory = directory
    this.config = config
    this.recoveryPoint = recoveryPoint
    this.#hidesUnsynced = options.hidesUnsynced ?? false
    this.#clock = options.clock
    this.#logger = options.logger
    this.#startOffset = Math.max(startOffset, recoveryPoint?.startOffset ?? 0)
    this.#syncedOffset = recoveryPoint?.endOffset ?? 0
    const nowMs = this.#clock.now()
    const place = { topic, partition }
    const found = recoverSegments({ directory, config, place, recoveryPoint }, (batch) => {
      this.#replay(batch, nowMs)
      options.onFound?.(batch)
    })
    this.leaderEpoch = Math.max(options.leaderEpoch ?? 0, this.#epochs.latest + 1)
    this.#segments = found.segments
    this.#soundBytes = found.soundBytes
    this.#leftovers = found.leftovers
    if (this.#segments.length === 0) this.#segments.push(this.#newSegment(this.#startOffset))
    for (const segment of this.#segments)
      segment.firstAppendMs = segment.sizeBytes > 0 ? segment.file.modifiedAtMs : undefined
    this.#firstUnstableOffset = this.producers.firstUnstableOffset()
    this.producers.forgetAbortedBefore(this.startOffset)
  }

  /** Once after the start, before anything else is written: removes and cuts what a crash has left half done. */
  repair(): void {
    this.#removeHalfDone()
    // All of its records were deleted, and the last of them are lost: their offsets are not given again.
    if (this.endOffset < this.#startOffset) this.#skipTo(this.#startOffset)
    if (mayBeCompacted(this)) this.#nameSealed()
    if (this.#active.compacted) this.#segments.push(this.#newSegment(this.endOffset))
  }

  /** In place of `repair`: cuts what is behind the recovery point, too. The log has to be opened anew then. */
  rollBack(): void {
    this.#removeHalfDone()
    const toOffset = Math.max(this.recoveryPoint?.endOffset ?? 0, this.#segments[0]!.baseOffset)
    while (this.#active.baseOffset > toOffset) {
      cutSegment(this.directory, this.#active)
      this.#segments.pop()
    }
    const active = this.#active
    const position = active.positionOf(toOffset)
    if (position < active.sizeBytes) cutTail(this.directory, active, position)
    active.file.syncNow()
  }

  get startOffset(): number {
    return Math.max(this.#startOffset, this.#segments[0]!.baseOffset)
  }

  /** Behind the last record. */
  get endOffset(): number {
    return this.#active.nextOffset
  }

  /** Behind the last record that consumers may see. */
  get highWatermark(): number {
    return this.#hidesUnsynced ? Math.min(this.#syncedOffset, this.endOffset) : this.endOffset
  }

  /** Up to here, and not beyond the high watermark, every transaction is decided. */
  get lastStableOffset(): number {
    const { highWatermark } = this
    return Math.min(this.#firstUnstableOffset ?? highWatermark, highWatermark)
  }

  /** Of the markers that were found behind the recovery point: how much of the broker's state they rest on. */
  get restsOnState(): number {
    return this.#restsOnState
  }

  get sizeBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  /** In the order of offsets, those that hold anything from the start on; the last one is appended to. */
  get segments(): readonly Segment[] {
    return this.#segments.slice(this.#goneBefore(this.#startOffset))
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
    this.#notify()
    return { baseOffset: placed.baseOffset, appendTimeMs }
  }

  /** Ends a producer's transaction here. */
  appendMarker(marker: Marker, { producerId, producerEpoch }: ProducerOfMarker): void {
    const nowMs = this.#clock.now()
    const batch = encodeMarker(marker, { producerId, producerEpoch }, nowMs)
    this.producers.ended(this.#write(batch), marker.outcome, nowMs)
    this.#notify()
  }

  /** Appends a batch of the broker's own, which needs no check. */
  appendOwn(batch: Buffer): void {
    this.#write(batch)
    this.#notify()
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
    const beforeOffset = committed ? this.lastStableOffset : this.highWatermark
    // A compacted segment may end before the next one begins: go on there.
    for (let i = this.#segmentIndexOf(offset); i < this.#segments.length && offset < beforeOffset; i++) {
      const slice = this.#segments[i]!.read(offset, bytesMax, beforeOffset)
      if (slice) return slice
    }
    return undefined
  }

  /** How far a reader can have come who has read a record of this epoch last. */
  endOfEpoch(epoch: number): EpochEnd {
    return this.#epochs.endOf(epoch, this.leaderEpoch, this.endOffset)
  }

  abortedIn(fromOffset: number, toOffset: number): AbortedTransaction[] {
    return this.producers.abortedIn(fromOffset, toOffset)
  }

  /** Puts what is before `offset` out of reach. Source: `DeleteRecords`. */
  deleteBefore(offset: number): void {
    this.#startOffset = Math.max(this.#startOffset, offset)
    this.producers.forgetAbortedBefore(this.startOffset)
  }

  /** Removes whole segments before `offset`, which must be out of reach for good. */
  removeSegmentsBefore(offset: number): void {
    for (const segment of this.#segments.splice(0, this.#goneBefore(offset))) {
      segment.file.close()
      this.directory.remove(segment.name)
    }
  }

  /** Begins a new segment, so that the one before can be removed or compacted. */
  roll(): void {
    const active = this.#active
    if (active.sizeBytes === 0) return
    // Only the last segment may be torn: the one before must be whole before there is another.
    this.syncNow()
    this.#segments.push(this.#newSegment(active.nextOffset))
  }

  /** Whether `segment.bytes` or `segment.ms` asks for a new segment before the next append. */
  shouldRoll(bytes: number): boolean {
    const { sizeBytes, firstAppendMs } = this.#active
    if (sizeBytes === 0) return false
    const ageMs = firstAppendMs === undefined ? 0 : this.#clock.now() - firstAppendMs
    return sizeBytes + bytes > this.config.segmentBytes || ageMs > this.config.segmentMs
  }

  /**
   * Puts a compacted copy (already on the medium, under `temporaryName`, with batches of this checksum) in the place of
   * `replaced`. Its name says what it stands for and holds: so a start knows what is left of `replaced`.
   */
  replaceSegments(replaced: readonly Segment[], temporaryName: string, checksum: number): void {
    const first = replaced[0]
    if (!first) return
    const index = this.#segments.indexOf(first)
    const next = this.#segments[index + replaced.length]!
    const compacted = segmentName(first.baseOffset, { endOffset: next.baseOffset, checksum })
    for (const segment of replaced) segment.file.close()
    this.directory.rename(temporaryName, compacted.name)
    this.directory.syncNow()
    for (const { name } of replaced) if (name !== compacted.name) this.directory.remove(name)
    this.#segments.splice(index, replaced.length, this.#recovered(compacted))
    // Told of one whose marker is gone, a reader would pass over all that its producer has written since.
    this.producers.forgetAbortedBefore(next.baseOffset)
  }

  /** Calls `listener` when there may be more to read; the answer stops that. */
  onMore(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves once everything appended before is on the medium. */
  async sync(): Promise<void> {
    const { endOffset } = this
    if (this.#syncedOffset >= endOffset) return
    // Those before the active segment are on the medium, since it was begun.
    await this.#active.file.sync()
    this.#syncedOffset = Math.max(this.#syncedOffset, endOffset)
    if (this.#hidesUnsynced) this.#notify()
  }

  /** The same, waiting for the disk: only where a rare step must not be overtaken. */
  syncNow(): void {
    this.#active.file.syncNow()
    this.#syncedOffset = this.endOffset
  }

  close(): void {
    for (const segment of this.#segments) segment.file.close()
  }

  /** For a topic that is deleted: nothing is written any more, and whoever waits for more is woken. */
  remove(): void {
    this.close()
    for (const listener of this.#listeners) listener()
  }

  get #active(): Segment {
    return this.#segments.at(-1)!
  }

  #write(batch: Buffer): BatchHeader {
    if (this.shouldRoll(batch.length)) this.roll()
    const active = this.#active
    placeBatch(batch, this.endOffset, this.leaderEpoch)
    const header = readBatchHeader(batch)
    active.append(batch, header)
    this.#epochs.appended(header)
    active.firstAppendMs ??= this.#clock.now()
    return header
  }

  #notify(): void {
    this.#firstUnstableOffset = this.producers.firstUnstableOffset()
    for (const listener of this.#listeners) listener()
  }

  #newSegment(baseOffset: number): Segment {
    return new Segment(this.directory, segmentName(baseOffset))
  }

  /** How many segments hold nothing from `offset` on; the active one is not counted. */
  #goneBefore(offset: number): number {
    let gone = 0
    while (gone < this.#segments.length - 1 && this.#segments[gone + 1]!.baseOffset <= offset) gone++
    return gone
  }

  #segmentIndexOf(offset: number): number {
    let index = this.#segments.length - 1
    while (index > 0 && this.#segments[index]!.baseOffset > offset) index--
    return index
  }

  #replay({ header, bytes }: ScannedBatch, nowMs: number): void {
    this.#epochs.appended(header)
    if ((header.attributes & attribute.control) === 0) {
      this.producers.appended(header, nowMs)
      return
    }
    const marker = readMarker(bytes)
    if (!marker) return
    this.producers.ended(header, marker.outcome, nowMs)
    if (header.baseOffset >= this.#syncedOffset)
      this.#restsOnState = Math.max(this.#restsOnState, marker.restsOnState)
  }

  #removeHalfDone(): void {
    for (const name of this.#leftovers) this.directory.remove(name)
    if (this.#soundBytes < this.#active.sizeBytes) this.#cutTorn(this.#soundBytes)
  }

  /** Of a crash it is what was never written to the end; of a damaged disk there may be sound records in it. */
  #cutTorn(fromBytes: number): void {
    const active = this.#active
    const tornBytes = active.sizeBytes - fromBytes
    const file = `${this.directory.path}/${active.name}`
    const kept = cutTail(this.directory, active, fromBytes)
    this.#logger.warn(
      { topic: this.topic, partition: this.partition, offset: this.endOffset, tornBytes, file, kept },
      'Cut the torn tail of a log: it was never written to the end, or is damaged; its bytes are kept beside it',
    )
  }

  /** What is there stands for all offsets before `offset` from now on, as if it were compacted. */
  #skipTo(offset: number): void {
    const { topic, partition, endOffset } = this
    this.#logger.warn({ topic, partition, endOffset, startOffset: offset }, 'A log ended before its start')
    this.#nameCompacted(this.#segments.length - 1, offset)
  }

  /** From now on the names say of all that may be compacted what must be there. */
  #nameSealed(): void {
    for (let i = 0; i < this.#segments.length - 1; i++) {
      if (!this.#segments[i]!.compacted) this.#nameCompacted(i, this.#segments[i + 1]!.baseOffset)
    }
    this.directory.syncNow()
  }

  #nameCompacted(index: number, endOffset: number): void {
    const segment = this.#segments[index]!
    const named = segmentName(segment.baseOffset, { endOffset, checksum: segment.checksum })
    // What the name says must not be on the medium before it is so.
    segment.file.syncNow()
    segment.file.close()
    this.directory.rename(segment.name, named.name)
    this.#segments[index] = this.#recovered(named)
  }

  #recovered(name: SegmentName): Segment {
    const segment = new Segment(this.directory, name)
    segment.recover('increasing', () => {})
    return segment
  }
}
