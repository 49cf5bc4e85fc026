import { program } from '../src/program/program.ts'
import { stockTrades } from '../src/sources/synthetic/stock-trades.ts'
import { market, marketServes } from './market.ts'
import { positionOf, stockTicks } from './tick.ts'

/** A synthetic stock market (AAPL, AMZN, GOOGL, META, MSFT) on the same path as `crypto.ts`. */
export const stocks = program({
  name: 'stocks',
  summary: 'A synthetic stock market, one-minute candles and a live page.',
  exchange: false,
  page: 'stocks',
  serves: marketServes,
  topology: ({ config }) => {
    const trades = stockTrades({
      seed: config.market.kind === 'simulated' ? config.market.seed : 1,
      tape: { topic: stockTicks, positionOf },
      backfillTradesMax: config.BACKFILL_MAX_TRADES,
    })
    return market('stocks', 'synthetic', trades)
  },
})

await stocks.main(import.meta.url)
