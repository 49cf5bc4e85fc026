import type { Handler } from 'hono'
import type { Clock } from 'rivulet'
import { badParameter, type Parameters, parametersOf, type WebEnv } from 'rivulet/app'
import { candles, type OpenCandle } from './candles.ts'
import { candlesMost } from './limits.ts'
import type { MarketAnswers } from './market-answers.ts'
import { spanOf, symbolsOf } from './market-parameters.ts'
import type { MarketQueries, TimeSpan } from './market-queries.ts'

const intervalsSeconds = ['60', '300', '900', '3600', '21600', '86400'] as const
const longestSeconds = 86_400

export interface CandlesRouteOptions {
  readonly queries: MarketQueries
  /** The minutes that are still open, from the window store, until their rows are in the table. Default: none. */
  readonly openCandles?: () => readonly OpenCandle[]
  readonly clock: Clock
}

/** `GET /api/candles`: of an interval, or of the one that suits so many points. */
export function candlesRoute(
  answers: MarketAnswers,
  { queries, openCandles = () => [], clock }: CandlesRouteOptions,
): Handler<WebEnv> {
  return async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const span = await spanOf(parameters, answers)
    const nowMs = (await answers.nowMs()) ?? clock.now()
    const intervalSeconds = intervalOf(parameters, span, nowMs)
    return context.json(await candles(queries, openCandles, { symbols, ...span, intervalSeconds, nowMs }))
  }
}

/** As asked for, or the shortest that makes at most `points` candles of the span; where none does, the longest. */
function intervalOf(parameters: Parameters, { sinceMs, untilMs }: TimeSpan, nowMs: number): number {
  const interval = parameters.oneOf('interval', intervalsSeconds)
  const points = parameters.integer('points', { min: 2, max: candlesMost })
  if (points === null) return Number(interval ?? 60)
  if (interval !== null) throw badParameter('points', 'is not allowed beside interval')
  if (sinceMs === null) return longestSeconds
  const spanSeconds = ((untilMs ?? nowMs) - sinceMs) / 1000
  // A span that begins within a window has a part of one more.
  return intervalsSeconds.map(Number).find((seconds) => spanSeconds / seconds + 1 <= points) ?? longestSeconds
}
