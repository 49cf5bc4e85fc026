import type { StockTick } from '../../../pipelines/market/tables.ts'
import { tickAt } from '../ticks.ts'

/** How many records each stage is given. */
export const stageRecords = 200_000

/** A stage of the path of a record, and the same by hand where one could write it. */
export interface Stage {
  readonly name: string
  readonly own: () => void
  readonly byHand?: () => void
}

/** The same ticks for all stages, in columns. */
export interface Ticks {
  readonly values: readonly StockTick[]
  readonly timestampsMs: readonly number[]
}

export function makeTicks(): Ticks {
  const ticks = Array.from({ length: stageRecords }, (_, i) => tickAt(i))
  return {
    values: ticks.map(({ tick }) => tick),
    timestampsMs: ticks.map(({ timestampMs }) => timestampMs),
  }
}
