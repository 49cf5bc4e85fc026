import { ticksTable } from '../../../pipelines/market/tables.ts'
import { RowWriter } from '../../../src/clickhouse/row-writer.ts'
import type { Stage, Ticks } from './stage.ts'

/** From values to rows of a table. */
export function sinkStage({ values, timestampsMs }: Ticks): Stage {
  return {
    name: 'make rows for ClickHouse',
    own() {
      const rows = new RowWriter()
      for (const [i, tick] of values.entries())
        ticksTable.encode(tick, tick.symbol, timestampsMs[i] as number, rows)
    },
    byHand() {
      for (const tick of values) Buffer.from(`${JSON.stringify(tick)}\n`)
    },
  }
}
