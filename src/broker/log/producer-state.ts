import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { Outcome } from './control-batch.ts'
import { attribute, type BatchHeader } from './record-batch.ts'

/** As many as kafkajs and Java may have in flight. Source: Kafka `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`. */
const batchesRemembered = 5
const sequenceMax = 0x7fff_ffff

interface RememberedBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
}

interface Producer {
  epoch: number
  batches: RememberedBatch[]
  /** First offset of the transaction that is open here. */
  openSince: number | undefined
  lastSeenMs: number
}

/** As an operator sees it. */
export interface KnownProducer {
  readonly producerId: number
  readonly producerEpoch: number
  /** −1: its epoch has written nothing yet. */
  readonly lastSequence: number
  readonly lastSeenMs: number
  /** First offset of the transaction that is open here. */
  readonly openSince: number | undefined
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Of its marker. */
  readonly lastOffset: number
}

/** What one partition knows of its idempotent and transactional producers; rebuilt from the log on start. */
export class ProducerState {
  readonly #producers = new Map<number, Producer>()
  readonly #aborted: AbortedTransaction[] = []

  /**
   * Whether the batch may be appended: the base offset of the same batch, if it was there before. Throws a
   * `KafkaError` for a fenced epoch or a gap in the sequence. Source: Kafka `ProducerAppendInfo`.
   */
  duplicateOf(header: BatchHeader): number | undefined {
    const producer = this.#producers.get(header.producerId)
    if (header.producerId < 0 || !producer) return undefined
    if (header.producerEpoch < producer.epoch) {
      throw new KafkaError(errorCodes.invalidProducerEpoch, `epoch ${header.producerEpoch} is fenced`)
    }
    const last = producer.batches.at(-1)
    if (header.producerEpoch > producer.epoch || !last) {
      if (header.producerEpoch > producer.epoch && header.baseSequence !== 0) {
        throw new KafkaError(errorCodes.outOfOrderSequenceNumber, 'a new epoch begins with sequence 0')
      }
      return undefined
    }
    const lastSequence = lastSequenceOf(header)
    const same = producer.batches.find(
      (batch) => batch.baseSequence === header.baseSequence && batch.lastSequence === lastSequence,
    )
    if (same) return same.baseOffset
    if (header.baseSequence === nextSequence(last.lastSequence, 1)) return undefined
    throw new KafkaError(
      errorCodes.outOfOrderSequenceNumber,
      `sequence ${header.baseSequence} after ${last.lastSequence}`,
    )
  }

  appended(header: BatchHeader, nowMs: number): void {
    if (header.producerId < 0) return
    const producer = this.#producerOf(header, nowMs)
    if (header.baseSequence >= 0) {
      const lastSequence = lastSequenceOf(header)
      producer.batches.push({
        baseSequence: header.baseSequence,
        lastSequence,
        baseOffset: header.baseOffset,
      })
      if (producer.batches.length > batchesRemembered) producer.batches.shift()
    }
    if (header.attributes & attribute.transactional) producer.openSince ??= header.baseOffset
  }

  ended(header: BatchHeader, outcome: Outcome, nowMs: number): void {
    const producer = this.#producerOf(header, nowMs)
    if (producer.openSince !== undefined && outcome === 'abort') {
      const { producerId, baseOffset: lastOffset } = header
      this.#aborted.push({ producerId, firstOffset: producer.openSince, lastOffset })
    }
    producer.openSince = undefined
  }

  known(): KnownProducer[] {
    return [...this.#producers].map(([producerId, { epoch, batches, lastSeenMs, openSince }]) => ({
      ...{ producerId, producerEpoch: epoch, lastSeenMs, openSince },
      lastSequence: batches.at(-1)?.lastSequence ?? -1,
    }))
  }

  /** Producers whose transaction is open here. */
  open(): { readonly producerId: number; readonly producerEpoch: number }[] {
    return [...this.#producers]
      .filter(([, producer]) => producer.openSince !== undefined)
      .map(([producerId, producer]) => ({ producerId, producerEpoch: producer.epoch }))
  }

  /** Where this producer's open transaction begins; undefined when none is open. */
  openSince(producerId: number): number | undefined {
    return this.#producers.get(producerId)?.openSince
  }

  /** Where the oldest open transaction begins; undefined when none is open. */
  firstUnstableOffset(): number | undefined {
    let first: number | undefined
    for (const { openSince } of this.#producers.values()) {
      if (openSince !== undefined && (first === undefined || openSince < first)) first = openSince
    }
    return first
  }

  /** Aborted transactions with anything in `[fromOffset, toOffset)`. */
  abortedIn(fromOffset: number, toOffset: number): AbortedTransaction[] {
    return this.#aborted.filter((each) => each.lastOffset >= fromOffset && each.firstOffset < toOffset)
  }

  forgetAbortedBefore(offset: number): void {
    const first = this.#aborted.findIndex((each) => each.lastOffset >= offset)
    this.#aborted.splice(0, first < 0 ? this.#aborted.length : first)
  }

  /** Forgets producers not heard of since `timeMs`, so that short-lived ones don't pile up. */
  forgetIdleSince(timeMs: number): void {
    for (const [producerId, producer] of this.#producers) {
      if (producer.lastSeenMs < timeMs && producer.openSince === undefined) this.#producers.delete(producerId)
    }
  }

  /** The base offset of each producer's last batch: compaction keeps these, as their sequence is needed. */
  lastBatchOffsets(): Set<number> {
    const offsets = new Set<number>()
    for (const { batches } of this.#producers.values()) {
      const last = batches.at(-1)
      if (last) offsets.add(last.baseOffset)
    }
    return offsets
  }

  #producerOf({ producerId, producerEpoch }: BatchHeader, nowMs: number): Producer {
    let producer = this.#producers.get(producerId)
    if (!producer) {
      producer = { epoch: producerEpoch, batches: [], openSince: undefined, lastSeenMs: nowMs }
      this.#producers.set(producerId, producer)
    }
    if (producerEpoch > producer.epoch) {
      producer.epoch = producerEpoch
      producer.batches = []
    }
    producer.lastSeenMs = nowMs
    return producer
  }
}

function lastSequenceOf(header: BatchHeader): number {
  return nextSequence(header.baseSequence, header.lastOffset - header.baseOffset)
}

/** Sequences go round: 0 follows 2³¹ − 1. */
function nextSequence(sequence: number, by: number): number {
  const sum = sequence + by
  return sum > sequenceMax ? sum - sequenceMax - 1 : sum
}
