import { RivuletError } from '../errors.ts'
import type { CallOptions, ClickHouse } from './client.ts'
import { quote } from './sql.ts'

export type QuerySettings = Readonly<Record<string, string | number>>

/**
 * What exactly once rests on, whatever the user's profile says; servers' defaults move from version to version. What one
 * version has, another may not know.
 */
const insertSettings: QuerySettings = {
  // An acknowledged insert is in the table, not in a queue.
  async_insert: 0,
  // An insert whose token is known is dropped.
  insert_deduplicate: 1,
  deduplicate_insert: 'enable',
  // One insert is one block, hence one part: by rows only, and by more of them than a batch has.
  max_insert_block_size: 1_048_576,
  max_insert_block_size_rows: 1_048_576,
  max_insert_block_size_bytes: 0,
  min_insert_block_size_rows: 1_048_576,
  min_insert_block_size_bytes: 0,
  use_strict_insert_block_limits: 0,
  // A row that can't be read fails its insert; it is not passed over.
  input_format_allow_errors_num: 0,
  input_format_allow_errors_ratio: 0,
}

/** On a cluster, an insert that is acknowledged is on most replicas, and whoever reads next sees it. */
const clusterInsertSettings: QuerySettings = { insert_quorum: 'auto', insert_quorum_parallel: 0 }

/** Of a query that must see every insert that was acknowledged. */
export function latestSettings({ cluster }: Pick<ClickHouse, 'cluster'>): QuerySettings {
  return cluster === undefined
    ? { use_query_cache: 0 }
    : { use_query_cache: 0, select_sequential_consistency: 1 }
}

/**
 * The settings that each insert is to be given on this server. Throws `BAD_CONFIG` where the user's profile does not let
 * an insert have one of them.
 */
export async function settleInsertSettings(
  clickhouse: ClickHouse,
  table: string,
  options: CallOptions,
): Promise<QuerySettings> {
  const wanted = { ...insertSettings, ...(clickhouse.cluster !== undefined && clusterInsertSettings) }
  const ask = (names: readonly string[], settings: QuerySettings = {}) =>
    clickhouse.query<{ name: string; value: string }>(
      `SELECT name, value FROM system.settings WHERE name IN (${names.map(quote).join(', ')})`,
      {},
      { ...options, settings },
    )
  const known = new Set((await ask(Object.keys(wanted))).map(({ name }) => name))
  const settings = Object.fromEntries(Object.entries(wanted).filter(([name]) => known.has(name)))
  const refused = (why: string, cause?: unknown) =>
    new RivuletError(
      'BAD_CONFIG',
      `Rows of ${table} can't be written exactly once: ClickHouse's user may not set what that rests on (${why})`,
      { cause, place: { table } },
    )
  const effective = await ask([...known], settings).catch((error) => {
    throw error instanceof RivuletError && !error.retryable ? refused(error.message, error) : error
  })
  for (const { name, value } of effective) {
    if (value !== String(settings[name])) throw refused(`${name} is ${value}, not ${settings[name]}`)
  }
  return settings
}
