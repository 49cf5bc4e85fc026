import { setMaxListeners } from 'node:events'

/** Tells the listener, once. Many may wait for one signal, where Node takes eleven for a leak. */
export function whenAborted(signal: AbortSignal, listener: () => void): void {
  setMaxListeners(0, signal)
  signal.addEventListener('abort', listener, { once: true })
}

/** Resolves when the signal is aborted, at once if it is already. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    whenAborted(signal, resolve)
  })
}

/** The same, or the signal's reason as soon as it is aborted: what was awaited goes on, and nobody waits for it. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    whenAborted(signal, abort)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/**
 * To be aborted by its holder, and aborted with the other one, too. Once it is, it leaves nothing behind there. Node itself
 * holds whoever listens to an `AbortSignal.any`, or with `signal` among a listener's options.
 */
export function abortedWith(other: AbortSignal): AbortController {
  const controller = new AbortController()
  const abort = () => controller.abort(other.reason)
  whenAborted(controller.signal, () => other.removeEventListener('abort', abort))
  if (other.aborted) abort()
  else whenAborted(other, abort)
  return controller
}
