import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { type Clock, systemClock } from '../clock.ts'
import { isRetryable, RivuletError } from '../errors.ts'
import type { Logger } from '../logger.ts'

/** How an error is told over HTTP. */
export interface ErrorBody {
  /** What is wrong. */
  readonly error: {
    /** An `ErrorCode`, or `NOT_FOUND`, `METHOD_NOT_ALLOWED`, `NOT_HERE`, `FORBIDDEN`. */
    readonly code: string
    /** A sentence for the user. */
    readonly message: string
    /** The request's parameter that is wrong. */
    readonly parameter?: string
  }
}

/** An error as a body of JSON. */
export function errorBody(code: string, message: string, parameter?: string): ErrorBody {
  return { error: { code, message, ...(parameter !== undefined && { parameter }) } }
}

/** Pages ask every second or two, all of them, while a database is away: one line in so long says it. */
const toldIntervalMs = 30_000

/**
 * What a failed request is told: its own mistakes in full; that the tables are away, with when to come back; of
 * anything else only that it is in the log, for there it may name what is nobody's business outside. `waitsFor`: what the
 * program's start still waits for, in a sentence; until that is over, tables may not be made.
 */
export function errorAnswers(
  logger: Logger,
  clock: Pick<Clock, 'now'> = systemClock,
  waitsFor: () => string | undefined = () => undefined,
): (context: Context, error: unknown) => Response {
  let toldMs = Number.NEGATIVE_INFINITY
  let untold = 0
  const tell = (error: RivuletError, path: string) => {
    untold++
    if (clock.now() - toldMs < toldIntervalMs) return
    toldMs = clock.now()
    // No stack: that a database is away for a while is no fault of the program.
    const facts = { code: error.code, path, requests: untold }
    logger.warn(facts, `A request could not be answered for now: ${error.message}`)
    untold = 0
  }

  return (context, error) => {
    if (error instanceof RivuletError && error.code === 'BAD_REQUEST') {
      return context.json(errorBody(error.code, error.message, error.place.parameter), 400)
    }
    if (error instanceof HTTPException)
      return context.json(errorBody('BAD_REQUEST', error.message), error.status)
    const path = context.req.path
    const why = waitsFor()
    if (error instanceof RivuletError && why !== undefined) {
      tell(error, path)
      return unavailable(context, 'NOT_READY', `${why}; try again soon`)
    }
    if (error instanceof RivuletError && isRetryable(error)) {
      tell(error, path)
      return unavailable(context, error.code, 'The database does not answer at the moment; try again soon')
    }
    logger.error({ path, err: error }, 'A request failed')
    const code = error instanceof RivuletError ? error.code : 'INTERNAL'
    return context.json(errorBody(code, "The request failed; the program's log says why"), 500)
  }
}

/** Status 503, with the header that says to come back in 2 s. */
export function unavailable(context: Context, code: string, message: string): Response {
  return context.json(errorBody(code, message), 503, { 'retry-after': '2' })
}
