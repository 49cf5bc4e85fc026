import type { clickhouseConnector, ProgramContext, Settings, Web } from 'rivulet/app'
import { marketApi } from './api/market-api.ts'
import type { PageName } from './api/pages.ts'
import { openCandles } from './open-candles.ts'
import type { OpenMarket } from './open-market.ts'
import { clickhouseQueries } from './queries/clickhouse-queries.ts'
import { candlesTable, ticksTable } from './tables.ts'
import { stockTicks } from './tick.ts'

export type MarketConnectors = { readonly clickhouse: typeof clickhouseConnector }

/** The API and the pages over the tables of `market`, and over the minutes that are not in them yet. */
export function marketRoutes<S extends Settings, P extends OpenMarket>(
  page: PageName,
): (web: Web, context: ProgramContext<S, MarketConnectors, P>) => void {
  return (
    web,
    {
      prepared: { kind, label, identity, products, outages, past },
      running,
      connections: { clickhouse },
      clock,
      logger,
    },
  ) =>
    marketApi(web, {
      market: { kind, label, identity },
      queries: clickhouseQueries({
        clickhouse,
        ticks: ticksTable.name,
        candles: candlesTable.name,
        topic: running.topicName(stockTicks.name),
      }),
      products,
      outages,
      past,
      openCandles: () => openCandles(running),
      pipeline: () => running.status(),
      page,
      clock,
      logger,
    })
}
