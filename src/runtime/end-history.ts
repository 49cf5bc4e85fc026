interface Sample {
  readonly atMs: number
  readonly endOffset: number
}

const samplesMax = 120

/** Where a partition's end was when: from that follows when a record came, whatever its timestamp says. Bounded: the longer ago, the coarser. */
export class EndHistory {
  #samples: Sample[] = []

  get last(): Sample | undefined {
    return this.#samples.at(-1)
  }

  note(endOffset: number, atMs: number): void {
    const { last } = this
    // A topic that ends before where it did is another one of that name.
    if (last && endOffset < last.endOffset) this.#samples = []
    // While nothing comes, the first and the last moment at which it ended there tell all.
    else if (last?.endOffset === endOffset && this.#samples.at(-2)?.endOffset === endOffset)
      this.#samples.pop()
    this.#samples.push({ atMs, endOffset })
    if (this.#samples.length > samplesMax) this.#thin()
  }

  /**
   * When the record at this offset came, between two looks at a steady pace; of one that was there at the first look, that
   * moment. Undefined: nobody has looked yet. A record that no look has found came after the last one.
   */
  cameMs(offset: number): number | undefined {
    const behind = this.#samples.findIndex(({ endOffset }) => endOffset > offset)
    const [before, after] = [this.#samples.at(behind < 0 ? -1 : behind - 1), this.#samples[behind]]
    if (!before || !after) return before?.atMs
    if (behind === 0) return after.atMs
    const share = (offset - before.endOffset) / (after.endOffset - before.endOffset)
    return before.atMs + share * (after.atMs - before.atMs)
  }

  /** Every second one of the older half goes; never the first, which tells since when it is known. */
  #thin(): void {
    const half = this.#samples.length / 2
    this.#samples = this.#samples.filter((_, i) => i >= half || i % 2 === 0)
  }
}
