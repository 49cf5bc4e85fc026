import { RivuletError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { CallOptions, ClickHouse } from './client.ts'
import { quote } from './sql.ts'
import type { TableColumn, TableSchema } from './table.ts'

/** How many inserts a table remembers by their token, and for how long where a cluster does it. */
const deduplication = {
  plain: { non_replicated_deduplication_window: 10_000 },
  replicated: { replicated_deduplication_window: 10_000, replicated_deduplication_window_seconds: 604_800 },
} as const

interface Existing {
  readonly engine: string
  readonly engine_full: string
  readonly sorting_key: string
  readonly partition_key: string
}

/**
 * Makes the table's database and the table where they are missing; else adds the columns, projections, indexes and
 * settings that it lacks. Nothing is ever taken away but a projection whose query has changed (it is derived data, and
 * made anew); a smaller memory of tokens is made larger. Several processes may do it at once.
 * Answers whether it is replicated: then what one server has taken, another one may not have yet.
 * Throws `BAD_CONFIG` with the column and both types when the table is there and can't be made to fit.
 */
export async function migrate(
  clickhouse: ClickHouse,
  table: TableSchema,
  logger: Logger,
  options: CallOptions = {},
): Promise<{ readonly replicated: boolean }> {
  const name = clickhouse.tableName(table.name)
  const [database = '', tableOnly = ''] = name.split('.')
  const onCluster = clickhouse.cluster === undefined ? '' : ` ON CLUSTER ${quote(clickhouse.cluster)}`
  const callOptions = { ...options, place: { table: name } }
  const command = (sql: string) => clickhouse.command(sql, callOptions)
  const alter = async (change: string) => {
    logger.info({ table: name, change }, 'changing the table')
    await command(`ALTER TABLE ${name}${onCluster} ${change}`)
  }
  const system = <Row>(columns: string, from: string, tableColumn = 'table') =>
    clickhouse.query<Row>(
      `SELECT ${columns} FROM system.${from} WHERE database = {database:String} AND ${tableColumn} = {table:String}`,
      { database, table: tableOnly },
      callOptions,
    )

  await command(`CREATE DATABASE IF NOT EXISTS ${database}${onCluster}`)
  await command(createStatement(table, name, onCluster, clickhouse.cluster !== undefined))

  const [existing] = await system<Existing>(
    'engine, engine_full, sorting_key, partition_key',
    'tables',
    'name',
  )
  // A replica that lags, or something else that answers in ClickHouse's place, knows nothing of it.
  if (typeof existing?.engine !== 'string') {
    const message = `The table ${name} is not there after it was made`
    throw new RivuletError('CLICKHOUSE_FAILED', message, { retryable: true, place: { table: name } })
  }
  const columns = await system<{ name: string; type: string }>('name, type', 'columns')
  checkShape(table, name, existing, columns)

  const present = new Set(columns.map((column) => column.name))
  for (const column of table.columns) {
    if (!present.has(column.name)) await alter(`ADD COLUMN IF NOT EXISTS ${definition(column)}`)
  }
  for (const [setting, value] of Object.entries(settingsFor(existing.engine))) {
    if (!(settingIn(existing.engine_full, setting) >= value))
      await alter(`MODIFY SETTING ${setting} = ${value}`)
  }
  const indexes = new Set(
    (await system<{ name: string }>('name', 'data_skipping_indices')).map((row) => row.name),
  )
  for (const index of table.indexes) {
    if (indexes.has(index.name)) continue
    await alter(`ADD INDEX IF NOT EXISTS ${index.name} ${index.expression}`)
    await alter(`MATERIALIZE INDEX ${index.name}`)
  }
  const projections = new Map(
    (
      await system<{ name: string; query: string }>(
        'name, formatQuerySingleLine(query) AS query',
        'projections',
      )
    ).map((row) => [row.name, row.query]),
  )
  for (const projection of table.projections) {
    const there = projections.get(projection.name)
    const [wanted] = await clickhouse.query<{ query: string }>(
      'SELECT formatQuerySingleLine({query:String}) AS query',
      { query: projection.query },
      callOptions,
    )
    if (there !== undefined && there === wanted?.query) continue
    if (there !== undefined) await alter(`DROP PROJECTION IF EXISTS ${projection.name}`)
    await alter(`ADD PROJECTION IF NOT EXISTS ${projection.name} (${projection.query})`)
    await alter(`MATERIALIZE PROJECTION ${projection.name}`)
  }
  return { replicated: isReplicated(existing.engine) }
}

function createStatement(table: TableSchema, name: string, onCluster: string, replicated: boolean): string {
  const engine = replicated ? 'ReplicatedMergeTree' : 'MergeTree'
  const parts = [
    ...table.columns.map(definition),
    ...table.indexes.map((index) => `INDEX ${index.name} ${index.expression}`),
    ...table.projections.map((projection) => `PROJECTION ${projection.name} (${projection.query})`),
  ]
  // An acknowledged insert must outlive the machine's power, as Kafka's offsets are committed on its word.
  const settings = { ...settingsFor(engine), fsync_after_insert: 1, fsync_part_directory: 1 }
  // No PARTITION BY: an insert is atomic only within one partition of the table.
  return `CREATE TABLE IF NOT EXISTS ${name}${onCluster} (\n  ${parts.join(',\n  ')}\n) ENGINE = ${engine}
ORDER BY (${table.orderBy.join(', ')})
SETTINGS ${Object.entries(settings)
    .map(([setting, value]) => `${setting} = ${value}`)
    .join(', ')}`
}

function settingsFor(engine: string): Readonly<Record<string, number>> {
  return isReplicated(engine) ? deduplication.replicated : deduplication.plain
}

function isReplicated(engine: string): boolean {
  return engine.startsWith('Replicated') || engine.startsWith('Shared')
}

/** NaN: the table says nothing of it. */
function settingIn(engineFull: string, setting: string): number {
  return Number(new RegExp(`\\b${setting} = (\\d+)`).exec(engineFull)?.[1])
}

function definition({ name, type, codec }: TableColumn): string {
  return `${name} ${type}${codec === undefined ? '' : ` CODEC(${codec})`}`
}

function checkShape(
  table: TableSchema,
  name: string,
  existing: Existing,
  columns: readonly { readonly name: string; readonly type: string }[],
): void {
  const bad = (why: string) =>
    new RivuletError('BAD_CONFIG', `The table ${name} is there already, but ${why}`, {
      place: { table: name },
    })
  if (!/^(Replicated|Shared)?MergeTree$/.test(existing.engine)) {
    throw bad(
      `its engine is ${existing.engine}; exactly once needs MergeTree, ReplicatedMergeTree or SharedMergeTree`,
    )
  }
  if (existing.partition_key !== '') {
    throw bad(
      `it is partitioned by ${existing.partition_key}: an insert over several partitions is not atomic`,
    )
  }
  const orderBy = table.orderBy.join(', ')
  if (withoutParentheses(compact(existing.sorting_key)) !== compact(orderBy)) {
    throw bad(`it is ordered by (${existing.sorting_key}), not by (${orderBy})`)
  }
  const types = new Map(columns.map((column) => [column.name, column.type]))
  for (const { name: column, type } of table.columns) {
    const there = types.get(column)
    if (there !== undefined && compact(there) !== compact(type)) {
      throw bad(
        `its column ${column} is ${there}, not ${type}: rename one of them, or change the table by hand`,
      )
    }
  }
}

function compact(text: string): string {
  return text.replaceAll(' ', '')
}

/** Of one column alone, ClickHouse repeats the parentheses that it was given. */
function withoutParentheses(text: string): string {
  return text.replace(/^\((.*)\)$/, '$1')
}
