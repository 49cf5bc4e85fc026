import { messageOf } from '../errors.ts'
import { type RetryPolicy, retry } from '../retry.ts'
import type { SinkContext } from '../stream/sink.ts'

/** A first failure is routine. What fails longer is said, and said again at each doubling. */
const saidFromAttempt = 2

/** Repeats what failed for a while, until it succeeds or the program stops; tells an operator of it, and when it is over. */
export type Patiently = <T>(work: () => Promise<T>) => Promise<T>

export function patientlyFor(table: string, policy: RetryPolicy, context: SinkContext): Patiently {
  return (work) => patiently(work, { table, policy, context })
}

async function patiently<T>(
  work: () => Promise<T>,
  {
    table,
    policy,
    context: { clock, logger, signal, tried },
  }: { readonly table: string; readonly policy: RetryPolicy; readonly context: SinkContext },
): Promise<T> {
  const startedMs = clock.now()
  let saidAttempt = 0
  const result = await retry(work, {
    clock,
    signal,
    policy,
    onRetry: (error, attempt, waitMs) => {
      tried?.(messageOf(error))
      if (attempt < Math.max(saidFromAttempt, saidAttempt * 2)) return
      saidAttempt = attempt
      logger.warn({ table, attempt, waitMs: Math.round(waitMs) }, `${messageOf(error)}; trying again`)
    },
  })
  tried?.(undefined)
  if (saidAttempt > 0)
    logger.info({ table, afterMs: Math.round(clock.now() - startedMs) }, 'ClickHouse answers again')
  return result
}
