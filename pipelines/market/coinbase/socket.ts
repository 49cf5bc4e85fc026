import { type Clock, RivuletError } from 'rivulet'
import { distinctUntilChanged, interval, Observable, Subscription } from 'rxjs'
import { type ClientOptions, WebSocket } from 'ws'

/** A frame beyond this ends the connection: it is not even read. */
const payloadBytesMax = 4 * 1024 * 1024
const silenceChecks = 5

export interface SocketOptions {
  readonly url: string
  readonly clock: Clock
  /** While true nothing is read; the exchange may cut us off then. */
  readonly paused$: Observable<boolean>
  readonly connectTimeoutMs: number
  /** A connection on which nothing at all has come for so long is dead. */
  readonly silenceMsMax: number
  /** Further options of `ws`, such as what the connection runs over. */
  readonly webSocketOptions?: ClientOptions | undefined
}

export interface SocketOpened {
  readonly type: 'open'
  readonly send: (text: string) => void
}

export type SocketEvent =
  | SocketOpened
  | { readonly type: 'frame'; readonly bytes: Buffer; readonly binary: boolean }
  /** The connection ends after it. */
  | { readonly type: 'oversized'; readonly reason: string }

/**
 * One connection: opens on subscribing, is cut on unsubscribing. Never completes: however it ends, it ends with a
 * retryable error, `SOURCE_UNREACHABLE` before it was open and `SOURCE_FAILED` after.
 */
export function openSocket(options: SocketOptions): Observable<SocketEvent> {
  const { url, clock, paused$, connectTimeoutMs, silenceMsMax, webSocketOptions } = options
  return new Observable((subscriber) => {
    let opened = false
    let paused = false
    let silentChecks = 0
    const fail = (what: string, cause?: unknown) => {
      const code = opened ? 'SOURCE_FAILED' : 'SOURCE_UNREACHABLE'
      subscriber.error(new RivuletError(code, what, { retryable: true, cause }))
    }

    let socket: WebSocket
    try {
      socket = new WebSocket(url, {
        ...webSocketOptions,
        maxPayload: payloadBytesMax,
        perMessageDeflate: false,
        // Else one garbled frame would end the connection: the decoder checks it.
        skipUTF8Validation: true,
      })
    } catch (error) {
      subscriber.error(new RivuletError('BAD_CONFIG', `${url} is no WebSocket address`, { cause: error }))
      return
    }

    socket.on('open', () => {
      opened = true
      if (paused) socket.pause()
      subscriber.next({
        type: 'open',
        send: (text) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(text)
        },
      })
    })
    socket.on('message', (data, binary) => {
      silentChecks = 0
      subscriber.next({ type: 'frame', bytes: bufferOf(data), binary })
    })
    socket.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
        subscriber.next({ type: 'oversized', reason: `a frame of more than ${payloadBytesMax} bytes` })
      }
      fail(error.message || error.code || 'the connection failed', error)
    })
    socket.on('close', (code) => fail(`the connection was closed (${code})`))

    const subscriptions = new Subscription(() => socket.terminate())
    subscriptions.add(
      clock.scheduler.schedule(() => {
        if (!opened) fail(`it was not open after ${connectTimeoutMs} ms`)
      }, connectTimeoutMs),
    )
    subscriptions.add(
      paused$.pipe(distinctUntilChanged()).subscribe((value) => {
        paused = value
        silentChecks = 0
        if (!opened) return
        if (paused) socket.pause()
        else socket.resume()
      }),
    )
    // Checks are counted, not time: after the process itself was stopped for a while, what waits in the socket is
    // read before the next check.
    subscriptions.add(
      interval(silenceMsMax / silenceChecks, clock.scheduler).subscribe(() => {
        if (!opened || paused) return
        silentChecks++
        if (silentChecks > silenceChecks) fail(`nothing came for ${silenceMsMax} ms`)
      }),
    )
    return subscriptions
  })
}

function bufferOf(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}
