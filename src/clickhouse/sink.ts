import type { RetryPolicy } from '../retry.ts'
import type { Sink } from '../stream/sink.ts'
import type { ClickHouse } from './client.ts'
import { settleInsertSettings } from './insert-settings.ts'
import { migrate } from './migrate.ts'
import { patientlyFor } from './patiently.ts'
import type { ClickHouseTable } from './table.ts'
import { TableWriter } from './table-writer.ts'

/** How patient a sink is. */
export interface ClickHouseSinkOptions {
  /** While ClickHouse is away or refuses for a while; default: for ever, waiting up to 5 s between the tries. */
  readonly retryPolicy?: RetryPolicy
}

/**
 * Writes records into a table, each exactly once, whatever dies in between and however many writers are at it:
 * 1. The table itself says where to go on: `_to + 1` of its last row for the topic's partition.
 * 2. A batch is one insert of one contiguous range of one partition, hence one part: all of it is there, or nothing.
 * 3. Its deduplication token is where the table *stood* before it. Of rival writers that go on from the same row, whatever
 *    their batches hold, the first one wins, and ClickHouse drops the others' inserts.
 * 4. So after each insert the last row is read again: if it is not ours, the next batch begins behind the winner's.
 * 5. An insert whose result is unknown is repeated with the same bytes and the same token. A table forgets its oldest tokens:
 *    so whoever has not looked at the table for 30 s looks before he inserts. What this does not stop is an insert that is
 *    on its way for longer than the table takes 10,000 others.
 * 6. Where a row is refused, the batch goes in halves, each a range of its own; the record at fault is left out, once it is
 *    where dead letters go.
 *
 * Throws `BAD_CONFIG` where the table, or the settings of the user's profile, can't be made to fit this.
 *
 * @example
 * ```ts
 * stream(clicks).batch({ rowsMax: 10_000, waitMsMax: 1_000 }).to('clicks to ClickHouse', clickhouse(clicksTable))
 * ```
 */
export function clickhouse<K, V>(
  table: ClickHouseTable<K, V>,
  { retryPolicy = { initialMs: 100, waitMsMax: 5_000 } }: ClickHouseSinkOptions = {},
): Sink<K, V, ClickHouse> {
  return {
    name: `clickhouse ${table.name}`,
    connection: 'clickhouse',
    open: async (connection, context) => {
      const { signal, logger } = context
      const name = connection.tableName(table.name)
      const patiently = patientlyFor(name, retryPolicy, context)
      const { replicated } = await patiently(() => migrate(connection, table, logger, { signal }))
      const insertSettings = await patiently(() => settleInsertSettings(connection, name, { signal }))
      return new TableWriter({ connection, table, replicated, insertSettings, context, patiently })
    },
  }
}
