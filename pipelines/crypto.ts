import { program } from '../src/program/program.ts'
import { coinbaseTrades } from '../src/sources/coinbase/coinbase-trades.ts'
import { market, marketServes } from './market.ts'
import { positionOf, stockTicks } from './tick.ts'

/** The whole path in one process: Coinbase → `stock-ticks` → candles → ClickHouse → API and page. */
export const crypto = program({
  name: 'crypto',
  summary: 'Coinbase trades, one-minute candles and a live page.',
  exchange: true,
  page: 'crypto',
  serves: marketServes,
  topology: ({ config, feed }) => {
    const trades = coinbaseTrades({
      ...feed,
      tape: { topic: stockTicks, positionOf },
      backfillTradesMax: config.BACKFILL_MAX_TRADES,
    })
    return market('crypto', 'coinbase', trades)
  },
})

await crypto.main(import.meta.url)
