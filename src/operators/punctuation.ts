/** Calls back again and again as a time goes on. */
export interface Punctuation {
  /** How much time between two calls, ms. */
  readonly everyMs: number
  /**
   * `streamTime`: aligned to the epoch, for the first time as soon as there is a record; only records move it.
   * `wallClock`: for the first time after `everyMs`; also without records, but a replay does not repeat it.
   */
  readonly by: 'streamTime' | 'wallClock'
}

interface Scheduled extends Punctuation {
  /** undefined: follows from the stream time that is there before the first record, which a restart brings back. */
  nextMs: number | undefined
  readonly action: (timeMs: number) => void
}

/** What a processor has asked to be called for, and when. Source: Kafka Streams' `PunctuationQueue`. */
export class Punctuations {
  readonly #scheduled = new Set<Scheduled>()

  /** Answers a function that ends it. */
  add(punctuation: Punctuation, nextMs: number | undefined, action: (timeMs: number) => void): () => void {
    const scheduled = { ...punctuation, nextMs, action }
    this.#scheduled.add(scheduled)
    return () => this.#scheduled.delete(scheduled)
  }

  /** Before a record moves it: what stood still since the start gets its first time, behind what was called already. */
  startStreamTime(streamTimeMs: number): void {
    for (const scheduled of this.#scheduled) {
      if (scheduled.by === 'streamTime')
        scheduled.nextMs ??= Math.max(0, timeAfter(0, scheduled.everyMs, streamTimeMs))
    }
  }

  /** Calls what is due at `timeMs`, once each, however many of its times have passed. */
  call(by: Punctuation['by'], timeMs: number): void {
    for (const scheduled of this.#scheduled) {
      const { nextMs, everyMs, action } = scheduled
      if (scheduled.by !== by || nextMs === undefined || nextMs > timeMs) continue
      scheduled.nextMs = timeAfter(nextMs, everyMs, timeMs)
      action(timeMs)
    }
  }
}

/** The first of `fromMs`, `fromMs + everyMs`, … that is later than `timeMs`. */
function timeAfter(fromMs: number, everyMs: number, timeMs: number): number {
  return timeMs < fromMs ? fromMs : fromMs + (Math.floor((timeMs - fromMs) / everyMs) + 1) * everyMs
}
