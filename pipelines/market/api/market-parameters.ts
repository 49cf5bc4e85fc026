import { badParameter, type Parameters } from 'rivulet/app'
import { decodeCursor } from './cursor.ts'
import type { MarketAnswers } from './market-answers.ts'
import type { Cursor, Symbols, TimeSpan } from './market-queries.ts'

export const symbolsMax = 100
const symbolPattern = /^[A-Za-z0-9._-]{1,32}$/

/** Absent or empty: null, which is all. Names are taken as they are written: `btc` is not `BTC`. */
export function symbolsOf(parameters: Parameters): Symbols {
  const list = parameters.text('symbols')
  if (list === null || list === '') return null
  const symbols = list.split(',').map((symbol) => symbol.trim())
  if (symbols.length > symbolsMax)
    throw badParameter('symbols', `names ${symbols.length}; ${symbolsMax} is the most`)
  if (!symbols.every((symbol) => symbolPattern.test(symbol))) {
    throw badParameter(
      'symbols',
      'must be a comma list of names of at most 32 letters, digits, dots, underscores or hyphens',
    )
  }
  return [...new Set(symbols)].sort()
}

export function cursorOf(parameters: Parameters, name: string): Cursor | null {
  const value = parameters.text(name)
  return value === null ? null : decodeCursor(value, name)
}

const minutesMax = 100 * 366 * 1440

export function minutesOf(parameters: Parameters): number | null {
  return parameters.integer('minutes', { min: 0, max: minutesMax })
}

/** `from` and `to`, either of which may be left out; without both, the last `minutes`: an hour unless they say otherwise. */
export async function spanOf(parameters: Parameters, answers: MarketAnswers): Promise<TimeSpan> {
  const sinceMs = parameters.time('from')
  const untilMs = parameters.time('to')
  const minutes = minutesOf(parameters)
  if (sinceMs === null && untilMs === null)
    return { sinceMs: await answers.sinceMs(minutes ?? 60), untilMs: null }
  if (minutes !== null) throw badParameter('minutes', 'is not allowed beside from and to')
  if (sinceMs !== null && untilMs !== null && sinceMs >= untilMs)
    throw badParameter('to', 'must be later than from')
  for (const [name, ms] of [
    ['from', sinceMs],
    ['to', untilMs],
  ] as const)
    if (ms !== null && !(ms >= 0 && ms <= latestMs))
      throw badParameter(name, `must be from 1970 to ${new Date(latestMs).toISOString()}`)
  return { sinceMs, untilMs }
}

/** What ClickHouse's times of nanoseconds reach. */
const latestMs = Date.UTC(2200, 0)
