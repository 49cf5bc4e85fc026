import type { StockTick } from '../../../pipelines/market/tables.ts'

export interface FoldedCandle {
  readonly symbol: string
  readonly startMs: number
  readonly ticks: readonly StockTick[]
}

const minuteMs = 60_000
const graceMs = 5_000

export interface FoldedMinutes {
  /** Those that are closed, each with its ticks. */
  readonly candles: readonly FoldedCandle[]
  /** What came when its minute was closed already, and is in none. */
  readonly late: readonly StockTick[]
}

/** What the minutes of these ticks of one partition come to, by nothing but the definition. */
export function foldMinutes(ticks: readonly StockTick[]): FoldedMinutes {
  const late: StockTick[] = []
  const minutes = new Map<string, { symbol: string; startMs: number; ticks: StockTick[] }>()
  const isClosed = (startMs: number) => startMs + minuteMs + graceMs <= streamTimeMs
  let streamTimeMs = Number.NEGATIVE_INFINITY
  for (const tick of ticks) {
    const timestampMs = Date.parse(tick.timestamp)
    streamTimeMs = Math.max(streamTimeMs, timestampMs)
    const startMs = Math.floor(timestampMs / minuteMs) * minuteMs
    if (isClosed(startMs)) {
      late.push(tick)
      continue
    }
    const of = `${tick.symbol} ${startMs}`
    const minute = minutes.get(of) ?? { symbol: tick.symbol, startMs, ticks: [] }
    minute.ticks.push(tick)
    minutes.set(of, minute)
  }
  return { candles: [...minutes.values()].filter(({ startMs }) => isClosed(startMs)), late }
}
