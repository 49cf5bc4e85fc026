import type { BatchHeader } from './record-batch.ts'

/** Where an epoch ends, or the last one before it that wrote anything. */
export interface EpochEnd {
  readonly epoch: number
  readonly endOffset: number
}

/** Kafka's word for a leader epoch that a log knows nothing of. */
const unknown: EpochEnd = { epoch: -1, endOffset: -1 }

/** Which leader epoch begins where in a log: rebuilt from the log on start. Source: Kafka `LeaderEpochFileCache`. */
export class LeaderEpochs {
  readonly #begun: { readonly epoch: number; readonly startOffset: number }[] = []

  /** Of the last batch; −1: there is none. */
  get latest(): number {
    return this.#begun.at(-1)?.epoch ?? -1
  }

  appended({ leaderEpoch, baseOffset }: BatchHeader): void {
    if (leaderEpoch > this.latest) this.#begun.push({ epoch: leaderEpoch, startOffset: baseOffset })
  }

  /**
   * How far a reader can have come who has read a record of this epoch last; `current` is the epoch of the log's leader, and
   * `endOffset` where the log ends.
   */
  endOf(epoch: number, current: number, endOffset: number): EpochEnd {
    if (epoch === current) return { epoch, endOffset }
    if (epoch < 0 || epoch > current) return unknown
    const last = this.#begun.findLast((each) => each.epoch <= epoch)
    const next = this.#begun.find((each) => each.epoch > epoch)
    return { epoch: last?.epoch ?? epoch, endOffset: next?.startOffset ?? endOffset }
  }
}
