import type { Handler } from 'hono'
import { answerOf, parametersOf, type WebEnv } from 'rivulet/app'
import { encodeCursor, reaches } from './cursor.ts'
import { historyColumns, historyRows } from './history-format.ts'
import { type MarketAnswers, sendAnswer } from './market-answers.ts'
import { cursorOf, minutesOf, symbolsOf } from './market-parameters.ts'
import type { MarketQueries } from './market-queries.ts'

const pointsMost = 100_000

/** `GET /api/history`: every point, or a thinned line; with `since`, only what is newer. */
export function historyRoute(answers: MarketAnswers, queries: MarketQueries): Handler<WebEnv> {
  return async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const minutes = minutesOf(parameters) ?? 60
    const pointsMax = parameters.integer('points', { min: 2, max: pointsMost })
    const after = cursorOf(parameters, 'since')
    const format = parameters.oneOf('format', ['rows', 'columns']) ?? 'rows'
    const position = await answers.positionBehind(after, 'since')
    const print = format === 'columns' ? historyColumns : historyRows
    const nothingNew = after !== null && reaches(after, position)
    if (nothingNew) {
      return sendAnswer(
        context,
        answerOf(print({ symbols: [], timestampsUs: [], prices: [], cursor: after })),
      )
    }
    const sinceMs = await answers.sinceMs(minutes)
    return answers.send(
      context,
      [symbols, sinceMs, pointsMax, after && encodeCursor(after), format],
      async () => print(await queries.history({ symbols, sinceMs, after, pointsMax })),
      position,
    )
  }
}
