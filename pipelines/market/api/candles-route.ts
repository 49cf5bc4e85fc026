import type { Handler } from 'hono'
import type { Clock } from 'rivulet'
import { type Parameters, parametersOf, type WebEnv } from 'rivulet/app'
import { type CandlesQuestion, candles, type OpenCandle } from './candles.ts'
import { candleColumns } from './candles-format.ts'
import { candlesMost } from './limits.ts'
import type { MarketAnswers } from './market-answers.ts'
import { spanOf, symbolsOf } from './market-parameters.ts'
import type { MarketQueries } from './market-queries.ts'
import { firstsOf, noPast, type Past } from './past.ts'
import { withPast } from './past-candles.ts'

const intervalsSeconds = ['60', '300', '900', '3600', '21600', '86400'] as const
const longestSeconds = 86_400
/** Open candles change with each trade: those who ask within so long, while the table of ticks stands, get one answer. */
const sharedMs = 1_000

export interface CandlesRouteOptions {
  readonly queries: MarketQueries
  /** The minutes that are still open, from the window store, until their rows are in the table. Default: none. */
  readonly openCandles?: () => readonly OpenCandle[]
  /** What the exchange says of the time before. Default: nothing. */
  readonly past?: Past
  readonly clock: Clock
}

/** `GET /api/candles`: of an interval, or of the one that suits so many points; as rows or in columns. */
export function candlesRoute(
  answers: MarketAnswers,
  { queries, openCandles = () => [], past = noPast, clock }: CandlesRouteOptions,
): Handler<WebEnv> {
  return async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const format = parameters.oneOf('format', ['rows', 'columns']) ?? 'rows'
    const wanted = wantedOf(parameters)
    const span = await spanOf(parameters, answers)
    const nowMs = (await answers.nowMs()) ?? clock.now()
    const question = [symbols, span, wanted, format, past.version, Math.floor(nowMs / sharedMs)]
    return answers.send(context, question, async () => {
      const firstMs = firstsOf(await queries.firstMinutes(symbols))
      const intervalSeconds = intervalOf({ symbols, ...span, nowMs }, firstMs, wanted)
      const asked = { symbols, ...span, intervalSeconds, nowMs }
      const rows = withPast(await candles(queries, openCandles, asked), past, firstMs, asked)
      return format === 'rows' ? rows : candleColumns(rows, intervalSeconds)
    })
  }
}

interface Wanted {
  /** No shorter ones. */
  readonly seconds: number
  /** No more; null: however many. */
  readonly points: number | null
}

function wantedOf(parameters: Parameters): Wanted {
  const seconds = Number(parameters.oneOf('interval', intervalsSeconds) ?? 60)
  return { seconds, points: parameters.integer('points', { min: 2, max: candlesMost }) }
}

/** The shortest that is wanted; where none makes so few candles of the span, the longest. */
function intervalOf(
  { sinceMs, untilMs, nowMs }: Omit<CandlesQuestion, 'intervalSeconds'>,
  firstMs: ReadonlyMap<string, number>,
  { seconds: fewest, points }: Wanted,
): number {
  if (points === null) return fewest
  const fromMs = sinceMs ?? Math.min(nowMs, ...firstMs.values())
  const spanSeconds = ((untilMs ?? nowMs) - fromMs) / 1000
  // A span that begins within a window has a part of one more.
  const suits = (seconds: number) => seconds >= fewest && spanSeconds / seconds + 1 <= points
  return intervalsSeconds.map(Number).find(suits) ?? longestSeconds
}
