/** Records that came too late for a window. */
export interface LateWindow {
  readonly startMs: number
  readonly endMs: number
  records: number
}

/** Of more windows of a step, the oldest are forgotten. */
const windowsMax = 50

/** Which windows late records have missed, by step. */
export class LateLog {
  readonly #bySteps = new Map<string, Map<number, LateWindow>>()

  note(step: string, { startMs, endMs }: { readonly startMs: number; readonly endMs: number }): void {
    const windows = this.#bySteps.get(step) ?? new Map<number, LateWindow>()
    this.#bySteps.set(step, windows)
    const known = windows.get(startMs)
    if (known) {
      known.records++
      return
    }
    windows.set(startMs, { startMs, endMs, records: 1 })
    if (windows.size > windowsMax) windows.delete(Math.min(...windows.keys()))
  }

  *all(): Generator<LateWindow & { readonly step: string }> {
    for (const [step, windows] of this.#bySteps)
      for (const window of windows.values()) yield { step, ...window }
  }
}
