import type { Clock } from '../clock.ts'
import type { SourceGap } from '../stream/source.ts'

/** A gap as it is shown. */
export interface NotedGap extends SourceGap {
  readonly source: string
  readonly sinceMs: number
  repairedMs: number | undefined
}

/** Of more, the oldest are forgotten, those that are repaired first. */
const gapsMax = 200

/** What sources have missed, and whether it came later. */
export class GapLog {
  readonly #clock: Pick<Clock, 'now'>
  #gaps: NotedGap[] = []

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** Newest last. */
  get all(): readonly NotedGap[] {
    return this.#gaps
  }

  /** Returns what is to be called when all of it has come. */
  note(source: string, gap: SourceGap): () => void {
    const noted: NotedGap = { ...gap, source, sinceMs: this.#clock.now(), repairedMs: undefined }
    this.#gaps.push(noted)
    if (this.#gaps.length > gapsMax) {
      const oldest = this.#gaps.find(({ repairedMs }) => repairedMs !== undefined) ?? this.#gaps[0]
      this.#gaps = this.#gaps.filter((each) => each !== oldest)
    }
    return () => {
      noted.repairedMs ??= this.#clock.now()
    }
  }

  /** The source begins anew, and looks again for what is missing; what it has given up stays so. */
  beginAnew(source: string): void {
    const isLookedForAgain = (gap: NotedGap) =>
      gap.source === source && gap.repairedMs === undefined && gap.reason === undefined
    this.#gaps = this.#gaps.filter((gap) => !isLookedForAgain(gap))
  }
}
