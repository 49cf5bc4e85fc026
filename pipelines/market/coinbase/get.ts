import { type Clock, RivuletError } from 'rivulet'

/** Coinbase refuses who does not say what it is. */
const headers = { accept: 'application/json', 'user-agent': 'rivulet' }
const answerBytesMax = 4 * 1024 * 1024

export interface GetOptions {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch | undefined
  /** The error of an answer that is none of 2xx. */
  readonly refused: (response: Response) => Error
}

/** The bytes that an exchange answers with, in time and of a bounded size. */
export async function get(url: string, options: GetOptions): Promise<Buffer> {
  const { clock, timeoutMs, signal, fetch = globalThis.fetch, refused } = options
  const request = new AbortController()
  const abort = () => request.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const timer = clock.scheduler.schedule(() => {
    request.abort(
      new RivuletError('TIMED_OUT', `no answer from ${url} in ${timeoutMs} ms`, { retryable: true }),
    )
  }, timeoutMs)
  try {
    const response = await fetch(url, { signal: request.signal, headers })
    if (!response.ok) {
      await response.body?.cancel()
      throw refused(response)
    }
    return await readBounded(response, url)
  } finally {
    timer.unsubscribe()
    signal.removeEventListener('abort', abort)
  }
}

async function readBounded(response: Response, url: string): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > answerBytesMax) {
      throw new RivuletError('SOURCE_FAILED', `${url} answered more than ${answerBytesMax} bytes`, {
        retryable: true,
      })
    }
    parts.push(part)
  }
  return Buffer.concat(parts)
}
