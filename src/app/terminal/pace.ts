/** Over so many looks, one a second, a pace is taken. */
const samplesMax = 10

/** How fast something goes on that is looked at regularly. */
export class Pace {
  #samples: { readonly done: number; readonly atMs: number }[] = []

  note(done: number, atMs: number): void {
    // What has less than before has begun anew.
    if (done < (this.#samples.at(-1)?.done ?? 0)) this.#samples = []
    this.#samples.push({ done, atMs })
    if (this.#samples.length > samplesMax) this.#samples.shift()
  }

  /** Undefined: it was looked at once. */
  get perSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (!first || !last || last.atMs <= first.atMs) return undefined
    return ((last.done - first.done) * 1_000) / (last.atMs - first.atMs)
  }
}
