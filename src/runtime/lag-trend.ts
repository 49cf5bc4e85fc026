const samplesMax = 6

/** How a lag has changed lately. */
export class LagTrend {
  readonly #samples: { readonly atMs: number; readonly lag: number }[] = []

  note(lag: number, atMs: number): void {
    this.#samples.push({ atMs, lag })
    if (this.#samples.length > samplesMax) this.#samples.shift()
  }

  /** How long it takes until the lag is gone, if it goes on as it has; undefined: it does not become less. */
  get catchesUpInMs(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (!first || !last) return undefined
    if (last.lag === 0) return 0
    const gained = first.lag - last.lag
    return gained > 0 ? (last.lag * (last.atMs - first.atMs)) / gained : undefined
  }
}
