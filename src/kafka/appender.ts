import { compressorOf } from '../compression/compression.ts'
import { RivuletError } from '../errors.ts'
import type { Cluster } from './cluster.ts'
import { findBatch, type NumberedBatch } from './find-batch.ts'
import { persist } from './persist.ts'
import { produceRequest } from './produce.ts'
import { encodeBatch, type RecordRange, recordBytesMax } from './record-batch.ts'
import { isConnectionError, kafkaErrorType } from './translate.ts'
import type { CompressionChoice, OutgoingRecords, Refused, SendResult, TopicPartition } from './types.ts'

/** Who the broker knows the producer as. */
export interface Identity {
  readonly producerId: string
  readonly producerEpoch: number
}

export interface AppenderOptions {
  readonly cluster: Cluster
  /** Names its connections. */
  readonly use: string
  readonly transactionalId: string | null
  /** Default `none`. */
  readonly compression?: CompressionChoice | undefined
  readonly bytesInFlightMax: number
  readonly signal?: AbortSignal | undefined
  identity(): Promise<Identity>
  /** Called when the broker no longer knows `stale`; absent: then it is over. */
  renew?(stale: Identity): void
  /** Before each batch. */
  prepare?(of: TopicPartition): Promise<unknown>
}

// A batch this large is efficient, far below the broker's limit (1 MB by default), and small enough for kafkajs as it comes.
const batchRecordsMax = 1_000
const batchBytesMax = 512 * 1024

/** One call of `append`. */
interface Item {
  readonly records: OutgoingRecords
  readonly bytes: number
  readonly refused: Refused | undefined
  /** The first record not yet appended. */
  from: number
  /** Of the next batch: fewer when a batch was refused for one of its records. */
  recordsMax: number
  baseOffset: number
  resolve(result: SendResult): void
  reject(error: unknown): void
}

interface Lane extends TopicPartition {
  readonly items: Item[]
  identity: Identity | undefined
  /** Of the next batch. */
  sequence: number
  /** Behind the last batch whose place is known; −1: there is none. */
  endOffset: number
  /** So many items go one by one: one of them made their common batch fail. */
  alone: number
  draining: boolean
}

/**
 * Appends to partitions, each in order, with one batch under way for each. A batch keeps its number until its fate is
 * known, so that a repetition is not written twice.
 */
export class Appender {
  readonly #options: AppenderOptions
  readonly #lanes = new Map<string, Lane>()
  readonly #waiting: (() => void)[] = []
  readonly #idle: (() => void)[] = []
  #bytes = 0

  constructor(options: AppenderOptions) {
    this.#options = options
  }

  get bytesInFlight(): number {
    return this.#bytes
  }

  append(topic: string, partition: number, records: OutgoingRecords, refused?: Refused): Promise<SendResult> {
    const count = records.timestampsMs.length
    if (count === 0) return Promise.resolve({ baseOffset: -1 })
    let bytes = 0
    for (let i = 0; i < count; i++) bytes += recordBytesMax(records, i)
    return new Promise((resolve, reject) => {
      const item: Item = {
        records,
        bytes,
        refused,
        from: 0,
        recordsMax: batchRecordsMax,
        baseOffset: -1,
        resolve,
        reject,
      }
      this.#whenRoom(() => this.#enqueue(topic, partition, item))
    })
  }

  ready(): Promise<void> {
    return new Promise((resolve) => this.#whenRoom(resolve))
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#bytes === 0 && this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #whenRoom(enter: () => void): void {
    if (this.#waiting.length === 0 && this.#bytes < this.#options.bytesInFlightMax) enter()
    else this.#waiting.push(enter)
  }

  #enqueue(topic: string, partition: number, item: Item): void {
    this.#bytes += item.bytes
    const key = `${topic} ${partition}`
    let lane = this.#lanes.get(key)
    if (!lane) {
      lane = {
        topic,
        partition,
        items: [],
        identity: undefined,
        sequence: 0,
        endOffset: -1,
        alone: 0,
        draining: false,
      }
      this.#lanes.set(key, lane)
    }
    lane.items.push(item)
    if (!lane.draining) void this.#drain(lane)
  }

  #settled(item: Item): void {
    this.#bytes -= item.bytes
    while (this.#waiting.length > 0 && this.#bytes < this.#options.bytesInFlightMax) this.#waiting.shift()?.()
    if (this.#bytes === 0 && this.#waiting.length === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Runs while the lane has items; it never rejects: each item is told. */
  async #drain(lane: Lane): Promise<void> {
    lane.draining = true
    while (lane.items.length > 0) {
      const ranges = nextBatch(lane)
      try {
        this.#appended(lane, ranges, await this.#appendBatch(lane, ranges))
      } catch (error) {
        if (ranges.length > 1 && !this.#options.signal?.aborted) {
          lane.alone = ranges.length
          continue
        }
        if (this.#narrow(lane, ranges[0] as RecordRange, error)) continue
        const item = lane.items.shift() as Item
        lane.alone = Math.max(0, lane.alone - 1)
        item.reject(error)
        this.#settled(item)
      }
    }
    lane.draining = false
  }

  #appended(lane: Lane, ranges: readonly RecordRange[], baseOffset: number): void {
    const finished: Item[] = []
    let before = 0
    ranges.forEach(({ from, to }, i) => {
      const item = lane.items[i] as Item
      if (from === 0 && baseOffset >= 0) item.baseOffset = baseOffset + before
      before += to - from
      item.from = to
      if (to === item.records.timestampsMs.length) finished.push(item)
    })
    // At once: taking them off one by one is quadratic when many small calls wait.
    lane.items.splice(0, finished.length)
    lane.alone = Math.max(0, lane.alone - finished.length)
    for (const item of finished) {
      item.resolve({ baseOffset: item.baseOffset })
      this.#settled(item)
    }
  }

  /** Whether the first item goes on: in smaller batches, or without what is refused. */
  #narrow(lane: Lane, { from, to }: RecordRange, error: unknown): boolean {
    const item = lane.items[0] as Item
    const refusal = refusalOf(error)
    if (!item.refused || !refusal || this.#options.signal?.aborted) return false
    if (refusal.of === 'record' && to - from > 1) {
      item.recordsMax = (to - from) >> 1
      return true
    }
    for (let i = from; i < to; i++) item.refused(i, refusal.error)
    item.recordsMax = batchRecordsMax
    // It is behind them, as if they were appended.
    this.#appended(lane, [{ records: item.records, from, to }], -1)
    return true
  }

  async #appendBatch(lane: Lane, ranges: readonly RecordRange[]): Promise<number> {
    const { cluster, transactionalId, compression = 'none', signal, renew, use } = this.#options
    const { topic, partition } = lane
    const what = `Can't append to partition ${partition} of topic ${topic}`
    // At once: who prepares hears of all partitions that are written to at the same time.
    const prepared = this.#options.prepare?.(lane)
    prepared?.catch(() => undefined) // it is awaited below
    const compressor = await compressorOf(typeof compression === 'string' ? compression : compression(topic))
    await prepared
    for (;;) {
      const identity = await this.#options.identity()
      if (lane.identity !== identity) {
        lane.identity = identity
        lane.sequence = 0
      }
      const transactional = transactionalId !== null
      const batch = encodeBatch(ranges, { ...identity, sequence: lane.sequence, transactional }, compressor)
      const request = produceRequest(lane, batch, transactionalId)
      let unknown = false
      const attempt = () => cluster.withLeader(lane, use, what, (link) => link.send(request))
      try {
        const { baseOffset } = await persist(
          () =>
            attempt().catch((error) => {
              unknown ||= isConnectionError(error)
              throw error
            }),
          { kafka: cluster.options, signal },
        )
        const count = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
        // Kafka's sequence numbers begin anew after 2³¹ − 1.
        lane.sequence = (lane.sequence + count) % 2 ** 31
        if (baseOffset >= 0) lane.endOffset = baseOffset + count
        return baseOffset
      } catch (error) {
        if (kafkaErrorType(error) === 'DUPLICATE_SEQUENCE_NUMBER') return -1
        if (!renew || !isForgotten(error)) throw error
        cluster.options.logger.warn(`${what}: the broker forgot this producer; beginning anew`)
        renew(identity)
        if (!unknown) continue
        const found = await this.#find(lane, { ...identity, sequence: lane.sequence }, error)
        if (found !== undefined) return found
      }
    }
  }

  /** Whether a batch of which an answer was missed is there: who forgot its producer would take it for a new one. */
  async #find(lane: Lane, batch: NumberedBatch, cause: unknown): Promise<number | undefined> {
    const { cluster, use, signal } = this.#options
    const { topic, partition, endOffset } = lane
    if (endOffset < 0) {
      const message = `Whether a batch is in partition ${partition} of topic ${topic} can't be told: an answer never came`
      throw new RivuletError('KAFKA_NO_ANSWER', message, { cause, place: { topic, partition } })
    }
    return persist(() => findBatch(cluster, lane, batch, endOffset, use), { kafka: cluster.options, signal })
  }
}

/** The broker has no (or a newer) memory of the producer's numbers. */
function isForgotten(error: unknown): boolean {
  const type = kafkaErrorType(error)
  return (
    type === 'OUT_OF_ORDER_SEQUENCE_NUMBER' ||
    type === 'UNKNOWN_PRODUCER_ID' ||
    type === 'INVALID_PRODUCER_EPOCH' ||
    type === 'INVALID_PRODUCER_ID_MAPPING'
  )
}

/** By Kafka's names, what it refuses for good; `record`: one record of a batch is enough. */
const refusals: ReadonlyMap<string, 'record' | 'topic'> = new Map([
  ['MESSAGE_TOO_LARGE', 'record'],
  ['RECORD_LIST_TOO_LARGE', 'record'],
  ['INVALID_RECORD', 'record'],
  ['INVALID_TIMESTAMP', 'record'],
  ['POLICY_VIOLATION', 'record'],
  ['TOPIC_AUTHORIZATION_FAILED', 'topic'],
  ['INVALID_TOPIC_EXCEPTION', 'topic'],
])

function refusalOf(
  error: unknown,
): { readonly of: 'record' | 'topic'; readonly error: RivuletError } | undefined {
  const of = refusals.get(kafkaErrorType(error) ?? '')
  return of && error instanceof RivuletError ? { of, error } : undefined
}

function nextBatch(lane: Lane): RecordRange[] {
  const ranges: RecordRange[] = []
  let records = 0
  let bytes = 0
  for (const item of lane.items) {
    if (ranges.length > 0 && lane.alone > 0) break
    const count = item.records.timestampsMs.length
    let to = item.from
    while (to < count && records < Math.min(batchRecordsMax, item.recordsMax)) {
      bytes += recordBytesMax(item.records, to)
      if (bytes > batchBytesMax && records > 0) break
      to++
      records++
    }
    if (to > item.from) ranges.push({ records: item.records, from: item.from, to })
    if (to < count || item.recordsMax < batchRecordsMax) break
  }
  return ranges
}

/** Refuses what can't be written before it is queued, so that it spoils nobody else's batch. */
export function checkRecords(topic: string, partition: number, records: OutgoingRecords): void {
  const count = records.timestampsMs.length
  const place = { topic, partition }
  if (
    records.keys.length !== count ||
    records.values.length !== count ||
    (records.headers && records.headers.length !== count)
  ) {
    throw new RivuletError('ENCODE_FAILED', 'The columns of the records are not equally long', { place })
  }
  const bad = records.timestampsMs.find(
    (timestampMs) => !Number.isSafeInteger(timestampMs) || timestampMs < 0,
  )
  if (bad !== undefined) {
    const message = `A record's timestamp must be whole milliseconds since the epoch, not ${bad}`
    throw new RivuletError('ENCODE_FAILED', message, { place })
  }
}
