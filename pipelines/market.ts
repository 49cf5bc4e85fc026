import type { OpenCandle } from '../src/api/candles.ts'
import { isoOfMilliseconds } from '../src/api/iso-time.ts'
import { clickhouse } from '../src/clickhouse/sink.ts'
import type { Running } from '../src/runtime/run.ts'
import type { Trade } from '../src/sources/trade.ts'
import type { Source } from '../src/stream/source.ts'
import { untilWindowCloses } from '../src/stream/suppression.ts'
import { type Topology, topology } from '../src/stream/topology.ts'
import { tumbling } from '../src/windows/windows.ts'
import { type CandleState, candle, minuteCandle } from './candle.ts'
import { candlesTable, ticksTable } from './tables.ts'
import { deadLetters, stockTicks, toTick } from './tick.ts'

/** The windows' store, of which the API asks for the minutes that are still open. */
export const candleStore = 'candle'

/** An insert has its price, however few rows it has: the more of them wait, the more go at once. */
export const ticksBatch = { rowsMax: 40_000, waitMsMax: 1_000 }

/** Trades → topic `stock-ticks` → a table of all ticks, and one of one-minute candles. */
export function market(name: string, exchange: string, trades: Source<Trade>): Topology {
  return topology(name, ({ source, stream }) => {
    source(exchange, trades, { timestampMs: (trade) => trade.timestampMs, deadLetters })
      .map('to tick', (trade) => [trade.symbol, toTick(trade, exchange)])
      .to(stockTicks)

    const ticks = stream(stockTicks)

    ticks.batch(ticksBatch).to('ticks to ClickHouse', clickhouse(ticksTable))

    ticks
      .groupByKey()
      .windowedBy(tumbling({ sizeMs: 60_000, graceMs: 5_000 }))
      // Kept for longer than the windows are open: until they are in the table, the API takes them from here.
      .aggregate(candleStore, candle, { retentionMs: 600_000 })
      .suppress('closed candles', untilWindowCloses)
      .toStream()
      .filter((state) => state !== null)
      .mapValues('to row', minuteCandle)
      .batch({ rowsMax: 1_000, waitMsMax: 1_000 })
      .to('candles to ClickHouse', clickhouse(candlesTable))
  })
}

/** What the API asks of a market: its tables, its topic, and the minutes that are still open. */
export const marketServes = {
  ticks: ticksTable.name,
  candles: candlesTable.name,
  topic: stockTicks.name,
  openCandles,
}

function openCandles(running: Running): OpenCandle[] {
  const candles: OpenCandle[] = []
  for (const store of running.windowStores<string, CandleState>(candleStore)) {
    for (const { windowed, value } of store.all()) {
      const { open, close, min_price, max_price, vwap, avg_price, total_volume, tick_count } =
        minuteCandle(value)
      candles.push({
        symbol: windowed.key,
        window_start: isoOfMilliseconds(windowed.startMs),
        window_end: isoOfMilliseconds(windowed.endMs),
        open,
        high: max_price,
        low: min_price,
        close,
        vwap,
        avg_price,
        total_volume,
        tick_count,
      })
    }
  }
  return candles
}
