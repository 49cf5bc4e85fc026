import type { StockTick } from '../../../pipelines/market/tables.ts'

export interface FoldedCandle {
  readonly symbol: string
  readonly startMs: number
  readonly ticks: readonly StockTick[]
}

const minuteMs = 60_000
const graceMs = 5_000

/**
 * The minutes that are closed after these ticks of one partition, each with its ticks, by nothing but the definition:
 * a tick that comes when its minute is closed already is in none.
 */
export function closedMinutes(ticks: readonly StockTick[]): FoldedCandle[] {
  const minutes = new Map<string, { symbol: string; startMs: number; ticks: StockTick[] }>()
  const isClosed = (startMs: number) => startMs + minuteMs + graceMs <= streamTimeMs
  let streamTimeMs = Number.NEGATIVE_INFINITY
  for (const tick of ticks) {
    const timestampMs = Date.parse(tick.timestamp)
    streamTimeMs = Math.max(streamTimeMs, timestampMs)
    const startMs = Math.floor(timestampMs / minuteMs) * minuteMs
    if (isClosed(startMs)) continue
    const of = `${tick.symbol} ${startMs}`
    const minute = minutes.get(of) ?? { symbol: tick.symbol, startMs, ticks: [] }
    minute.ticks.push(tick)
    minutes.set(of, minute)
  }
  return [...minutes.values()].filter(({ startMs }) => isClosed(startMs))
}
