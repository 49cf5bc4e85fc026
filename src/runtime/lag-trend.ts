const samplesMax = 6
/** Of samples behind the peak: one that is lower may be chance. */
const fallsMin = 2

/** How a lag has changed lately. */
export class LagTrend {
  readonly #samples: { readonly atMs: number; readonly lag: number }[] = []

  note(lag: number, atMs: number): void {
    this.#samples.push({ atMs, lag })
    if (this.#samples.length > samplesMax) this.#samples.shift()
  }

  /**
   * How long it takes until the lag is gone, if it goes on as it has; undefined: it does not become less. What stood and goes on
   * is measured from where it has turned.
   */
  get catchesUpInMs(): number | undefined {
    const samples = this.#samples
    const last = samples.at(-1)
    if (!last) return undefined
    if (last.lag === 0) return 0
    const highest = Math.max(...samples.map(({ lag }) => lag))
    const peak = samples.findLastIndex(({ lag }) => lag === highest)
    const first = samples[samples.length - 1 - peak >= fallsMin ? peak : 0] ?? last
    const gained = first.lag - last.lag
    return gained > 0 ? (last.lag * (last.atMs - first.atMs)) / gained : undefined
  }
}
