import { unlessAborted } from '../aborted.ts'
import { mayPass, messageOf } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { retry } from '../retry.ts'
import type { Settings } from './environment.ts'

/** A registry that is away is asked again for ever. */
const retryPolicy = { initialMs: 100, waitMsMax: 10_000 }

export interface PreparedOptions {
  readonly context: { readonly settings: Pick<Settings, 'clock'>; readonly logger: Logger }
  /** For what is read from there, or written there. */
  readonly topic: string
  /** Aborted: nobody waits any more. */
  readonly signal: AbortSignal
}

/**
 * Lets serdes prepare, and tries again while `prepare` rejects with what may pass. Undefined: there is nothing to wait
 * for. Throws what `prepare` throws; rejects with what does not pass, or the signal's reason.
 */
export function prepared(
  prepare: () => Promise<unknown> | undefined,
  { context, topic, signal }: PreparedOptions,
): Promise<void> | undefined {
  const begun = prepare()
  if (!begun) return undefined
  const { settings, logger } = context
  const attempts = retry(
    async (attempt) => {
      await (attempt === 1 ? begun : prepare())
    },
    {
      clock: settings.clock,
      policy: retryPolicy,
      signal,
      retryable: mayPass,
      onRetry: (error, attempt, waitMs) => {
        const place = { topic, attempt, waitMs: Math.round(waitMs) }
        logger.warn(place, `the serdes of "${topic}" can't prepare yet: ${messageOf(error)}`)
      },
    },
  )
  return unlessAborted(attempts, signal)
}
