import type { QueryParams } from 'rivulet/clickhouse'
import type { Cursor, Symbols, TimeSpan } from '../api/market-queries.ts'
import { chosen, symbolParams } from './symbol-filter.ts'

/** Offsets `[from, to)` of each partition of the topic; a partition absent in `from` is read from its start. */
export interface TopicRange {
  readonly topic: string
  readonly from: Cursor
  readonly to: Cursor
}

/** A SQL condition and the values of its parameters. */
export interface Condition {
  readonly sql: string
  readonly params: QueryParams
}

const anything: Condition = { sql: 'true', params: {} }

export function symbolCondition(symbols: Symbols): Condition {
  return { sql: chosen(symbols), params: symbolParams(symbols) }
}

export function spanCondition({ sinceMs, untilMs }: TimeSpan): Condition {
  return allOf(
    sinceMs === null
      ? anything
      : {
          sql: 'timestamp >= fromUnixTimestamp64Micro({since:Int64})',
          params: { since: Math.ceil(sinceMs * 1000) },
        },
    untilMs === null
      ? anything
      : {
          sql: 'timestamp < fromUnixTimestamp64Micro({until:Int64})',
          params: { until: Math.ceil(untilMs * 1000) },
        },
  )
}

/** Over the key of the projection `minutes`, so that it can answer: every minute that has something of the span. */
export function minutesCondition({ sinceMs, untilMs }: TimeSpan, symbols: Symbols): Condition {
  return allOf(
    symbolCondition(symbols),
    sinceMs === null
      ? anything
      : {
          sql: 'toStartOfMinute(timestamp) >= fromUnixTimestamp64Milli({minute:Int64})',
          params: { minute: startOfMinute(sinceMs) },
        },
    untilMs === null
      ? anything
      : {
          sql: 'toStartOfMinute(timestamp) < fromUnixTimestamp64Milli({minuteUntil:Int64})',
          params: { minuteUntil: Math.ceil(untilMs) },
        },
  )
}

export function startOfMinute(ms: number): number {
  return Math.floor(ms / 60_000) * 60_000
}

export function rangeCondition({ topic, from, to }: TopicRange): Condition {
  const partitions = [...to].map(([partition, end], i) => ({
    sql: `(_partition = {partition${i}:UInt16} AND _offset >= {from${i}:UInt64} AND _offset < {to${i}:UInt64})`,
    params: { [`partition${i}`]: partition, [`from${i}`]: from.get(partition) ?? 0, [`to${i}`]: end },
  }))
  return {
    sql: `_topic = {topic:String} AND (${partitions.map((condition) => condition.sql).join(' OR ') || 'false'})`,
    params: Object.assign({ topic }, ...partitions.map((condition) => condition.params)),
  }
}

export function allOf(...conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.map((condition) => condition.sql).join(' AND '),
    params: Object.assign({}, ...conditions.map((condition) => condition.params)),
  }
}
