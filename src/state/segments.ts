/** What lies in segments: it knows whether it was deleted since. */
export interface Segmented {
  readonly deleted: boolean
}

interface Segment<E> {
  entries: E[]
  deleted: number
}

/**
 * Entries by time, in spans of `segmentMs`: what has become too old goes a segment at a time, so that forgetting costs
 * nothing for each record, and what lies between two times is found without looking at the rest.
 */
export class Segments<E extends Segmented> {
  readonly #segmentMs: number
  readonly #segments = new Map<number, Segment<E>>()
  #oldest = Number.POSITIVE_INFINITY

  constructor(segmentMs: number) {
    this.#segmentMs = Math.max(1, Math.floor(segmentMs))
  }

  add(timeMs: number, entry: E): void {
    const number = Math.floor(timeMs / this.#segmentMs)
    let segment = this.#segments.get(number)
    if (!segment) {
      segment = { entries: [], deleted: 0 }
      this.#segments.set(number, segment)
      if (number < this.#oldest) this.#oldest = number
    }
    segment.entries.push(entry)
  }

  /** Says that an entry of that time was deleted; when most of a segment is, what is left moves together. */
  deleted(timeMs: number): void {
    const segment = this.#segments.get(Math.floor(timeMs / this.#segmentMs))
    if (!segment) return
    segment.deleted++
    if (segment.deleted < 32 || segment.deleted * 2 < segment.entries.length) return
    segment.entries = segment.entries.filter((entry) => !entry.deleted)
    segment.deleted = 0
  }

  /** Takes out the segments whose times are all at or before `timeMs`, and answers what was still in them. */
  *takeUntil(timeMs: number): Iterable<E> {
    const oldestKept = Math.floor((timeMs + 1) / this.#segmentMs)
    if (oldestKept <= this.#oldest) return
    for (const number of this.#numbers(this.#oldest, oldestKept - 1)) {
      const segment = this.#segments.get(number)
      this.#segments.delete(number)
      for (const entry of segment?.entries ?? []) if (!entry.deleted) yield entry
    }
    this.#oldest = this.#segments.size > 0 ? oldestKept : Number.POSITIVE_INFINITY
  }

  /** The entries whose segments touch `[fromMs, toMs]`: some may lie outside of it. In no particular order. */
  *near(fromMs: number, toMs: number): Iterable<E> {
    const last = Math.floor(toMs / this.#segmentMs)
    const first = Math.max(Math.floor(fromMs / this.#segmentMs), this.#oldest)
    for (const number of this.#numbers(first, last)) {
      for (const entry of this.#segments.get(number)?.entries ?? []) if (!entry.deleted) yield entry
    }
  }

  /** Numbers of the segments in `[first, last]` that exist. Time can jump by years: then the map is the shorter list. */
  #numbers(first: number, last: number): number[] {
    if (last - first < this.#segments.size) {
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i)
    }
    return [...this.#segments.keys()].filter((number) => number >= first && number <= last)
  }
}
