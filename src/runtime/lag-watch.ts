import type { Clock } from '../clock.ts'
import type { KafkaAdmin, TopicPartition } from '../kafka/types.ts'
import type { PartitionPosition } from './assigned-tasks.ts'
import { EndHistory } from './end-history.ts'
import { LagTrend } from './lag-trend.ts'
import { keyOf } from './task-assignor.ts'

/** How far the readers of a partition are behind its end. */
export interface PartitionLag extends TopicPartition {
  readonly endOffset: number
  /** When Kafka was asked last, and has answered; undefined: it has not. */
  readonly asOfMs: number | undefined
  readonly readers: readonly ReaderLag[]
}

/** How far one of them is. */
export interface ReaderLag {
  readonly name: string
  readonly committed: number
  readonly lag: number
  /** For how long the first record that is not committed has been there, at least; undefined: Kafka has not been asked yet. */
  readonly lagMs: number | undefined
  /** Undefined: the lag does not become less. */
  readonly catchesUpInMs: number | undefined
}

interface PartitionEnd {
  readonly history: EndHistory
  lowOffset: number
}

export interface LagWatchOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly admin: Pick<KafkaAdmin, 'ranges'>
  /** Of what this instance reads. */
  readonly positions: () => readonly PartitionPosition[]
}

/**
 * Asks Kafka where the partitions end that are read here. What is fetched tells it, too, but not while a reader stands:
 * then nothing is.
 */
export class LagWatch {
  readonly #options: LagWatchOptions
  readonly #ends = new Map<string, PartitionEnd>()
  /** By partition and reader. */
  readonly #trends = new Map<string, LagTrend>()
  #isAsking = false

  constructor(options: LagWatchOptions) {
    this.#options = options
  }

  /** Asks once; while there is no answer, it does not ask again. */
  async look(): Promise<void> {
    const { admin, positions } = this.#options
    const read = positions()
    this.#forgetAllBut(read)
    if (this.#isAsking || read.length === 0) return
    this.#isAsking = true
    try {
      this.#note(await admin.ranges(read))
    } finally {
      this.#isAsking = false
    }
  }

  get lags(): readonly PartitionLag[] {
    return this.#options.positions().map((position) => this.#lagOf(position))
  }

  #note(ranges: Awaited<ReturnType<KafkaAdmin['ranges']>>): void {
    const nowMs = this.#options.clock.now()
    for (const { lowOffset, endOffset, ...of } of ranges) {
      const end = this.#ends.get(keyOf(of)) ?? { history: new EndHistory(), lowOffset }
      this.#ends.set(keyOf(of), end)
      end.lowOffset = lowOffset
      end.history.note(endOffset, nowMs)
    }
    for (const { readers, ...of } of this.lags) {
      for (const { name, lag } of readers) {
        const trend = this.#trends.get(trendOf(of, name)) ?? new LagTrend()
        this.#trends.set(trendOf(of, name), trend)
        trend.note(lag, nowMs)
      }
    }
  }

  #lagOf({ topic, partition, endOffset: heard, readers }: PartitionPosition): PartitionLag {
    const nowMs = this.#options.clock.now()
    const { history, lowOffset = 0 } = this.#ends.get(keyOf({ topic, partition })) ?? {}
    const endOffset = Math.max(history?.last?.endOffset ?? 0, heard)
    return {
      topic,
      partition,
      endOffset,
      asOfMs: history?.last?.atMs,
      readers: readers.map(({ name, committed = lowOffset }) => {
        const lag = Math.max(0, endOffset - committed)
        const cameMs = history && lag === 0 ? nowMs : history?.cameMs(committed)
        const lagMs = cameMs === undefined ? undefined : Math.max(0, nowMs - cameMs)
        const { catchesUpInMs } = this.#trends.get(trendOf({ topic, partition }, name)) ?? {}
        return { name, committed, lag, lagMs, catchesUpInMs }
      }),
    }
  }

  /** A partition that comes back later begins anew. */
  #forgetAllBut(read: readonly PartitionPosition[]): void {
    const partitions = new Set(read.map(keyOf))
    for (const key of this.#ends.keys()) if (!partitions.has(key)) this.#ends.delete(key)
    const readers = new Set(read.flatMap((of) => of.readers.map(({ name }) => trendOf(of, name))))
    for (const key of this.#trends.keys()) if (!readers.has(key)) this.#trends.delete(key)
  }
}

function trendOf(of: TopicPartition, reader: string): string {
  return `${keyOf(of)} ${reader}`
}
