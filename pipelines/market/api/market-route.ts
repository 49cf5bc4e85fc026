import type { Handler } from 'hono'
import type { PipelineStatus } from 'rivulet'
import { answerOf, parametersOf, type WebEnv } from 'rivulet/app'
import { encodeCursor } from './cursor.ts'
import { historyColumns } from './history-format.ts'
import { type MarketAnswers, sendAnswer } from './market-answers.ts'
import { type MarketCut, marketCut, type Whole } from './market-cut.ts'
import { cursorOf, minutesOf, symbolsOf } from './market-parameters.ts'
import type { MarketQueries } from './market-queries.ts'
import type { Outage } from './outages.ts'
import type { MarketKind } from './pages.ts'
import { noPast, type Past } from './past.ts'
import { ReadOnce } from './read-once.ts'

const minuteMs = 60_000
const statsMinutes = 1440

export interface MarketRouteOptions {
  readonly market: { readonly kind: MarketKind }
  readonly queries: MarketQueries
  readonly pipeline: () => PipelineStatus
  /** When the market's feed was away. Default: never. */
  readonly outages?: () => readonly Outage[]
  /** What the exchange says of the time before. Default: nothing. */
  readonly past?: Past
}

/** `GET /api/market`: all that a page shows, read together; with `since`, what is newer. */
export function marketRoute(
  answers: MarketAnswers,
  { market, queries, pipeline, outages = () => [], past = noPast }: MarketRouteOptions,
): Handler<WebEnv> {
  const whole = new ReadOnce<Whole>()
  return async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const minutes = minutesOf(parameters) ?? 60
    const pointsMax = parameters.integer('points', { min: 2, max: 2_000 }) ?? 600
    const recentMax = parameters.integer('limit', { min: 1, max: 1000 }) ?? 20
    const after = cursorOf(parameters, 'since')
    const position = await answers.positionBehind(after, 'since')
    // What is newer is wanted whatever its time: a pipeline that is behind stores old trades.
    const seriesSinceMs = after === null ? wholeMinute(await answers.sinceMs(minutes)) : null
    const statsSinceMs = wholeMinute(await answers.sinceMs(statsMinutes))
    const question = { symbols, after, seriesSinceMs, pointsMax, recentMax, statsSinceMs, past }
    const tables = await answers.read(
      context.req.path,
      [
        symbols,
        after && encodeCursor(after),
        seriesSinceMs,
        pointsMax,
        recentMax,
        statsSinceMs,
        past.version,
      ],
      async () => tablesJson(await marketCut(queries, whole, question, position)),
      position,
    )
    // How the pipeline is changes while the tables stand.
    const { counters, sources, partitions } = pipeline()
    const lag = partitions.reduce((sum, partition) => sum + partition.lag, 0)
    const state = JSON.stringify({
      market: market.kind,
      counters,
      sources,
      lag,
      outages: outages().filter(({ to }) => to !== null || isReadHere(sources)),
      past_version: past.version,
    })
    return sendAnswer(context, answerOf(`${state.slice(0, -1)},${tables.json.slice(1)}`))
  }
}

/** Of a feed that another instance has by now, only that one knows whether it is away. */
function isReadHere(sources: PipelineStatus['sources']): boolean {
  return sources.some(({ state }) => state !== 'elsewhere' && state !== 'stopped')
}

/** What slides by whole minutes is one answer for all who ask within one. */
function wholeMinute(ms: number | null): number | null {
  return ms === null ? null : Math.floor(ms / minuteMs) * minuteMs
}

function tablesJson({ history, ...rest }: MarketCut): string {
  return `${JSON.stringify(rest).slice(0, -1)},${historyColumns(history).slice(1)}`
}
