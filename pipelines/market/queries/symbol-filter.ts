import type { QueryParams } from 'rivulet/clickhouse'
import type { Symbols } from '../api/market-queries.ts'

/** The condition for the chosen symbols; its parameter is in `symbolParams`. */
export function chosen(symbols: Symbols): string {
  return symbols === null ? 'true' : 'symbol IN {symbols:Array(String)}'
}

export function symbolParams(symbols: Symbols): QueryParams {
  return symbols === null ? {} : { symbols }
}
