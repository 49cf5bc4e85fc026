import {
  type Source,
  type SourceContext,
  type Topology,
  topology,
  tumbling,
  untilWindowCloses,
} from 'rivulet'
import { clickhouseConnector, program } from 'rivulet/app'
import { clickhouse } from 'rivulet/clickhouse'
import { candle, candleStore, minuteCandle } from './market/candle.ts'
import { coinbaseFeed, type FeedOptions } from './market/coinbase/feed.ts'
import { checkProducts } from './market/coinbase/products.ts'
import { type OrderOptions, tradesInOrder } from './market/coinbase/trades-in-order.ts'
import { marketLines } from './market/market-lines.ts'
import { marketRoutes } from './market/market-routes.ts'
import { chosenMarket, marketSettings } from './market/market-settings.ts'
import { liveFeed, openExchange } from './market/open-market.ts'
import { candlesTable, ticksTable } from './market/tables.ts'
import { deadLetters, positionOf, productHeaders, stockTicks, toTick } from './market/tick.ts'
import type { Trade } from './market/trade.ts'

/** Coinbase's WebSocket, decoded → every trade once, in order: what the socket misses is fetched by REST. */
export function coinbaseTrades<K, V>(options: FeedOptions & OrderOptions<K, V>) {
  checkProducts(options)
  return (context: SourceContext) => coinbaseFeed(options, context).pipe(tradesInOrder(options, context))
}

/** An insert has its price, however few rows it has: the more of them wait, the more go at once. */
export const ticksBatch = { rowsMax: 40_000, waitMsMax: 1_000 }

/** Trades → topic `stock-ticks` → a table of all ticks, and one of one-minute candles. */
export function market(name: string, exchange: string, trades: Source<Trade>): Topology {
  return topology(name, ({ source, stream }) => {
    source(exchange, trades, {
      timestampMs: (trade) => trade.timestampMs,
      headers: productHeaders(),
      deadLetters,
    })
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

/** The whole path in one process: socket → decode → `stock-ticks` → candles → ClickHouse → API and page. */
export const crypto = program({
  name: 'crypto',
  summary: 'Coinbase trades, one-minute candles and a live page.',
  settings: marketSettings,
  check: chosenMarket,
  connectors: { clickhouse: clickhouseConnector },
  prepare: (opening) => openExchange('crypto', opening),
  topology: ({ config, prepared }) => {
    const trades = coinbaseTrades({
      ...(prepared?.feed ?? liveFeed(config)),
      tape: { topic: stockTicks, positionOf },
      backfillTradesMax: config.backfillMaxTrades,
      ...(prepared && { outages: prepared.feedOutages }),
    })
    return market('crypto', 'coinbase', trades)
  },
  routes: marketRoutes('crypto'),
  terminalLines: (context) => marketLines(context),
})

await crypto.main(import.meta.url)
