import { keyOf } from './assignor.ts'
import type { TopicPartition } from './types.ts'

/** Epochs change when leaders do: what lies further back is rarely read again. */
const spansMax = 16

/** Records from `fromOffset` (inclusive) to `toOffset` (exclusive) that were read and were all of one epoch. */
interface Span {
  readonly epoch: number
  fromOffset: number
  toOffset: number
}

/**
 * Which leader epochs wrote what was read from each partition. A position in a log means the same log only together with the
 * epoch of the record before it: after a log has lost its end and has grown again, the offset is there, but what lies before
 * it is something else. Source: KIP-320.
 */
export class LeaderEpochs {
  readonly #spans = new Map<string, Span[]>()

  /** Records were read, or are known to have been. */
  note(of: TopicPartition, epoch: number, fromOffset: number, toOffset: number): void {
    if (epoch < 0) return
    const key = keyOf(of)
    const known = this.#spans.get(key) ?? []
    const last = known.at(-1)
    if (last?.epoch === epoch && fromOffset >= last.fromOffset) {
      last.toOffset = Math.max(last.toOffset, toOffset)
      return
    }
    const same = known.find((span) => span.epoch === epoch)
    const noted = {
      epoch,
      fromOffset: Math.min(fromOffset, same?.fromOffset ?? fromOffset),
      toOffset: Math.max(toOffset, same?.toOffset ?? toOffset),
    }
    // What contradicts it was read from a log that is no more.
    const others = known.filter((span) =>
      span.epoch < epoch ? span.fromOffset < fromOffset : span.epoch > epoch && span.toOffset > toOffset,
    )
    const spans = [...others, noted].sort((a, b) => a.epoch - b.epoch)
    this.#spans.set(key, spans.slice(-spansMax))
  }

  /** Of the record before a position; −1: it was not read. */
  before(of: TopicPartition, position: number): number {
    const span = this.#spans
      .get(keyOf(of))
      ?.findLast(({ fromOffset, toOffset }) => fromOffset < position && position <= toOffset)
    return span?.epoch ?? -1
  }
}
