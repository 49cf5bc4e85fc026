import type { PipelineStatus } from '../../runtime/pipeline-status.ts'
import type { Progress } from './progress-text.ts'

/** How far sources have come in fetching what they have missed. */
export class FetchedGaps {
  /** How many were fetched before the first gap that is not repaired yet. */
  #before = 0
  #sinceMs = Number.POSITIVE_INFINITY

  /** What is under way; to be asked regularly. */
  look({ gaps, counters }: PipelineStatus): readonly Progress[] {
    const fetched = counters.backfilled ?? 0
    const open = gaps.filter(({ repaired, reason }) => repaired === null && reason === undefined)
    if (open.length === 0) {
      this.#before = fetched
      this.#sinceMs = Number.POSITIVE_INFINITY
      return []
    }
    this.#sinceMs = Math.min(this.#sinceMs, ...open.map(({ since }) => Date.parse(since)))
    const missed = gaps.filter(
      ({ since, reason }) => reason === undefined && Date.parse(since) >= this.#sinceMs,
    )
    const of = missed.reduce((sum, { records }) => sum + records, 0)
    return [{ name: 'backfill', done: Math.min(of, fetched - this.#before), of }]
  }
}
