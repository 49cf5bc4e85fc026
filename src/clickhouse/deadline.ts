import type { Clock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import type { CallOptions } from './client.ts'
import { translateError } from './errors.ts'

export interface Deadline {
  /** As a sentence begins with it, such as `ClickHouse at localhost:8123`. */
  readonly server: string
  readonly timeoutMs: number
  readonly clock: Clock
}

/**
 * Runs one call to ClickHouse, which may still be at it when this has ended: an embedded query can't be interrupted.
 * Rejects with `TIMED_OUT` (retryable), the signal's reason, or the call's error, translated.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { server, timeoutMs, clock }: Deadline,
  { signal, place = {} }: CallOptions,
): Promise<T> {
  signal?.throwIfAborted()
  const done = new AbortController()
  const cancel = new AbortController()
  const cancelled = new Promise<never>((_, reject) => {
    cancel.signal.addEventListener('abort', () => reject(cancel.signal.reason), { once: true })
  })
  const stop = () => cancel.abort(signal?.reason)
  signal?.addEventListener('abort', stop, { once: true })
  clock.sleep(timeoutMs, done.signal).then(
    () => {
      const message = `${server} did not answer within ${timeoutMs} ms`
      cancel.abort(new RivuletError('TIMED_OUT', message, { retryable: true, place }))
    },
    () => {},
  )
  try {
    return await Promise.race([work(cancel.signal), cancelled])
  } catch (error) {
    // The client words an abort in its own way; the reason says whose it was.
    throw cancel.signal.aborted ? cancel.signal.reason : translateError(error, place)
  } finally {
    signal?.removeEventListener('abort', stop)
    done.abort()
  }
}
