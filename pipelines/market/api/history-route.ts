import type { Handler } from 'hono'
import { answerOf, parametersOf, type WebEnv } from 'rivulet/app'
import { encodeCursor, reaches } from './cursor.ts'
import { historyColumns, historyRows } from './history-format.ts'
import { streamHistory } from './history-stream.ts'
import { pointsMost } from './limits.ts'
import { type MarketAnswers, sendAnswer } from './market-answers.ts'
import { cursorOf, spanOf, symbolsOf } from './market-parameters.ts'
import type { MarketQueries } from './market-queries.ts'

/**
 * `GET /api/history`: every point, or a thinned line; with `since`, only what is newer. Every point as rows is read and written
 * in pages; whatever else has at most `pointsMost` points altogether, and is thinned where there are more.
 */
export function historyRoute(answers: MarketAnswers, queries: MarketQueries): Handler<WebEnv> {
  return async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const pointsMax = parameters.integer('points', { min: 2, max: pointsMost })
    const after = cursorOf(parameters, 'since')
    const format = parameters.oneOf('format', ['rows', 'columns']) ?? 'rows'
    const span = await spanOf(parameters, answers)
    const position = await answers.positionBehind(after, 'since')
    const print = format === 'columns' ? historyColumns : historyRows
    const nothingNew = after !== null && reaches(after, position)
    if (nothingNew) {
      return sendAnswer(
        context,
        answerOf(print({ symbols: [], timestampsUs: [], prices: [], cursor: after })),
      )
    }
    const question = [symbols, span, pointsMax, after && encodeCursor(after), format]
    if (format === 'rows' && pointsMax === null) {
      const { etag } = answerOf(JSON.stringify([question, encodeCursor(position)]))
      return streamHistory(context, queries.historyPages({ symbols, ...span, after }), etag)
    }
    return answers.send(
      context,
      question,
      async () => print(await queries.history({ symbols, ...span, after, pointsMax })),
      position,
    )
  }
}
