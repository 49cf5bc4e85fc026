import type { Context } from 'hono'
import { RivuletError } from '../errors.ts'
import { isoMs } from '../iso-time.ts'

/**
 * The parameters of a request, each read strictly: what is not exactly as it should be is a `BAD_REQUEST` that names the
 * parameter, and so is one that is given twice. Null: it is not given. Those that a path does not know are not looked at.
 */
export interface Parameters {
  /** As it stands; null: it is not given. */
  text(name: string): string | null
  /** A whole number within the range, without a sign. */
  integer(name: string, range: { readonly min: number; readonly max: number }): number | null
  /** One of these texts. */
  oneOf<T extends string>(name: string, values: readonly T[]): T | null
  /** ISO 8601 with a time zone, or ms since the epoch; as ms. */
  time(name: string): number | null
}

/**
 * Reads them of a Hono context.
 *
 * @example
 * ```ts
 * web.get('/api/clicks', (context) => {
 *   const parameters = parametersOf(context)
 *   const limit = parameters.integer('limit', { min: 1, max: 1_000 }) ?? 100
 *   const fromMs = parameters.time('from') ?? 0
 *   return context.json({ limit, fromMs })
 * })
 * ```
 */
export function parametersOf(context: Context): Parameters {
  const text = (name: string): string | null => {
    const values = context.req.queries(name)
    if (values === undefined) return null
    if (values.length > 1) throw badParameter(name, 'was given more than once')
    return values[0] ?? ''
  }
  return {
    text,
    integer: (name, { min, max }) => {
      const digits = text(name)
      if (digits === null) return null
      const value = /^\d{1,12}$/.test(digits) ? Number(digits) : Number.NaN
      if (!(value >= min && value <= max)) {
        throw badParameter(name, `must be a whole number from ${min} to ${max}`)
      }
      return value
    },
    oneOf: (name, values) => {
      const value = text(name)
      if (value === null) return null
      const found = values.find((candidate) => candidate === value)
      if (found === undefined) throw badParameter(name, `must be one of ${values.join(', ')}`)
      return found
    },
    time: (name) => {
      const value = text(name)
      if (value === null) return null
      const ms = /^\d{1,15}$/.test(value) ? Number(value) : isoPattern.test(value) ? isoMs(value) : Number.NaN
      if (Number.isNaN(ms)) {
        throw badParameter(
          name,
          'must be a time such as 2026-01-31T18:41:00Z, or milliseconds since the epoch',
        )
      }
      return ms
    },
  }
}

const isoPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/

/** A `BAD_REQUEST` that names the parameter: `limit must be a whole number`. */
export function badParameter(parameter: string, what: string): RivuletError {
  return new RivuletError('BAD_REQUEST', `${parameter} ${what}`, { place: { parameter } })
}
