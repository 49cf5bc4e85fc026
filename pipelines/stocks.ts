import { clickhouseConnector, program } from 'rivulet/app'
import { market } from './crypto.ts'
import { marketLines } from './market/market-lines.ts'
import { marketRoutes } from './market/market-routes.ts'
import { seedOf, syntheticMarketSettings } from './market/market-settings.ts'
import { openSyntheticMarket } from './market/open-market.ts'
import { stockTrades } from './market/synthetic/stock-trades.ts'
import { positionOf, stockTicks } from './market/tick.ts'

/** A synthetic stock market (AAPL, AMZN, GOOGL, META, MSFT) on the same path as `crypto.ts`. */
export const stocks = program({
  name: 'stocks',
  summary: 'A synthetic stock market, one-minute candles and a live page.',
  settings: syntheticMarketSettings,
  connectors: { clickhouse: clickhouseConnector },
  prepare: (opening) => openSyntheticMarket('stocks', opening),
  topology: ({ config }) => {
    const trades = stockTrades({
      seed: seedOf(config),
      tape: { topic: stockTicks, positionOf },
      backfillTradesMax: config.backfillMaxTrades,
    })
    return market('stocks', 'synthetic', trades)
  },
  routes: marketRoutes('stocks'),
  terminalLines: (context) => marketLines(context),
})

await stocks.main(import.meta.url)
