/** ClickHouse as the end of a path: tables with exactly-once inserts, on a server or on the embedded engine. */
export type {
  CallOptions,
  ClickHouse,
  ClickHouseOptions,
  Columns,
  EncodedRows,
  InsertedColumn,
  InsertTarget,
  QueryParams,
} from './client.ts'
export type { ColumnValue } from './columns.ts'
export { connectClickHouse } from './connection.ts'
export type { RowWriter } from './row-writer.ts'
export { type ClickHouseSinkOptions, clickhouse } from './sink.ts'
export {
  type ClickHouseTable,
  type ClickHouseTableOptions,
  type ColumnSpec,
  type ColumnSpecs,
  clickhouseTable,
  type RowOf,
  type TableColumn,
  type TableSchema,
  type TypeOf,
} from './table.ts'
