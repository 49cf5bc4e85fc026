import { badParameter, type Parameters } from 'rivulet/app'
import { decodeCursor } from './cursor.ts'
import type { Cursor, Symbols } from './market-queries.ts'

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
