import type { Subscription } from 'rxjs'
import type { Clock } from '../clock.ts'
import type { PartitionStatus, PipelineStatus } from '../runtime/pipeline-status.ts'
import { SeriesRing } from './series-ring.ts'

const intervalMs = 5_000
/** An hour. */
const samplesMax = 720

type Columns = Readonly<Record<string, readonly (number | null)[]>>

/** What `/api/pipeline/history` answers: columns that are as long as `timestamps`; null where there was nothing to tell. */
export interface HistoryAnswer {
  readonly interval_seconds: number
  /** Seconds since the epoch. */
  readonly timestamps: readonly number[]
  /** Records a second, by step. */
  readonly rates: Columns
  /** Records that are not committed, by reader, over all of its partitions. */
  readonly lags: Columns
  /** For how long the first of them has been there, by reader: the worst of its partitions. */
  readonly lag_seconds: Columns
  /** Totals since the program's start. */
  readonly counters: Columns
}

export interface PipelineHistoryOptions {
  readonly clock: Clock
  readonly status: () => PipelineStatus
}

/** How a pipeline has been in the last hour, so that it is seen what has begun first. */
export class PipelineHistory {
  readonly #options: PipelineHistoryOptions
  readonly #times = new SeriesRing(samplesMax)
  readonly #rates = new SeriesRing(samplesMax)
  readonly #lags = new SeriesRing(samplesMax)
  readonly #lagSeconds = new SeriesRing(samplesMax)
  readonly #counters = new SeriesRing(samplesMax)
  #count = 0
  #timer: Subscription | undefined

  constructor(options: PipelineHistoryOptions) {
    this.#options = options
    this.#schedule()
  }

  close(): void {
    this.#timer?.unsubscribe()
  }

  /** What was noted behind that moment. */
  since(sinceMs: number): HistoryAnswer {
    const first = Math.max(0, this.#count - samplesMax)
    const times = this.#times.columns(first, this.#count).time ?? []
    const timestamps = times.flatMap((time) => (time !== null && time * 1_000 > sinceMs ? time : []))
    const [from, to] = [this.#count - timestamps.length, this.#count]
    return {
      interval_seconds: intervalMs / 1_000,
      timestamps,
      rates: this.#rates.columns(from, to),
      lags: this.#lags.columns(from, to),
      lag_seconds: this.#lagSeconds.columns(from, to),
      counters: this.#counters.columns(from, to),
    }
  }

  #schedule(): void {
    this.#timer = this.#options.clock.scheduler.schedule(() => {
      this.#sample()
      this.#schedule()
    }, intervalMs)
  }

  #sample(): void {
    const { clock, status } = this.#options
    const { nodes, partitions, counters } = status()
    const count = this.#count++
    this.#times.put(count, [['time', clock.now() / 1_000]])
    this.#rates.put(
      count,
      nodes.map(({ name, rate }) => [name, rate]),
    )
    this.#lags.put(
      count,
      byReader(
        partitions,
        ({ lag }) => lag,
        (a, b) => a + b,
      ),
    )
    this.#lagSeconds.put(
      count,
      byReader(partitions, ({ lag_seconds: seconds }) => seconds ?? Number.NaN, Math.max),
    )
    this.#counters.put(count, Object.entries(counters))
  }
}

function byReader(
  partitions: readonly PartitionStatus[],
  of: (reader: PartitionStatus['readers'][number]) => number,
  join: (a: number, b: number) => number,
): ReadonlyMap<string, number> {
  const joined = new Map<string, number>()
  for (const reader of partitions.flatMap(({ readers }) => readers)) {
    const before = joined.get(reader.reader)
    const value = of(reader)
    joined.set(reader.reader, before === undefined ? value : join(before, value))
  }
  return joined
}
