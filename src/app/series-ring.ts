/** The newest numbers of each of several series, all of them taken at the same moments. Bounded. */
export class SeriesRing {
  readonly #samplesMax: number
  readonly #series = new Map<string, Float64Array>()

  constructor(samplesMax: number) {
    this.#samplesMax = samplesMax
  }

  /** What the `count`-th sample has; NaN stands for what it does not have. */
  put(count: number, values: Iterable<readonly [name: string, value: number]>): void {
    const slot = count % this.#samplesMax
    for (const series of this.#series.values()) series[slot] = Number.NaN
    for (const [name, value] of values) {
      const series = this.#series.get(name) ?? new Float64Array(this.#samplesMax).fill(Number.NaN)
      this.#series.set(name, series)
      series[slot] = value
    }
    // Once a round is enough to let go of what is over.
    if (slot > 0) return
    for (const [name, series] of this.#series) if (series.every(Number.isNaN)) this.#series.delete(name)
  }

  /** Samples `[from, to)` of each series; null: it was not there. */
  columns(from: number, to: number): Readonly<Record<string, readonly (number | null)[]>> {
    const columns = [...this.#series].map(([name, series]) => {
      const column = Array.from(
        { length: to - from },
        (_, i) => series[(from + i) % this.#samplesMax] ?? Number.NaN,
      )
      return [name, column.map((value) => (Number.isNaN(value) ? null : value))] as const
    })
    return Object.fromEntries(columns)
  }
}
