import type { StoreChanges } from '../state/checkpoint.ts'

/**
 * Finds out how much of a window store's changelog the store has forgotten. The broker can't know: windows are forgotten
 * by event time, which may be years ago. What was written before a mark is no younger than the mark's time; when that
 * is two retentions ago, no window of it is found any more (a window may be as long as the retention).
 */
export class ChangelogTrim {
  readonly #retentionMs: number
  readonly #marks: { readonly timeMs: number; readonly offset: number }[] = []
  #newestMs = Number.NEGATIVE_INFINITY

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs
  }

  /** Takes note of what a commit has written; answers the offset before which everything may be deleted, if it has moved. */
  note({ timestampsMs }: StoreChanges, nextOffset: number): number | undefined {
    for (const timestampMs of timestampsMs) this.#newestMs = Math.max(this.#newestMs, timestampMs)
    const last = this.#marks.at(-1)
    // Few marks are enough: half a retention more or less is kept.
    if (!last || this.#newestMs >= last.timeMs + this.#retentionMs / 2)
      this.#marks.push({ timeMs: this.#newestMs, offset: nextOffset })
    let offset: number | undefined
    for (let mark = this.#marks[0]; mark && this.#isForgotten(mark.timeMs); mark = this.#marks[0]) {
      offset = mark.offset
      this.#marks.shift()
    }
    return offset
  }

  #isForgotten(timeMs: number): boolean {
    return timeMs < this.#newestMs - 2 * this.#retentionMs
  }
}
