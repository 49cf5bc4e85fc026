import type { Context } from 'hono'
import { encodeCursor } from './cursor.ts'
import type { Cursor, Symbols } from './market-queries.ts'
import type { TickBatch, TickFeed } from './tick-feed.ts'

export interface TickStreamOptions {
  readonly feed: TickFeed
  readonly from: Cursor
  readonly symbols: Symbols
  /** Aborted when the server closes: the stream ends, and the browser comes back with its last id. */
  readonly closing: AbortSignal | undefined
  /** Called once, when nobody reads it any more. */
  readonly ended: () => void
}

/**
 * Server-Sent Events of ticks. It is written when the client reads: one that does not is not read for, and holds no
 * more than a cursor and what its socket took. A body that is never read, as of a HEAD, starts nothing.
 */
export function tickStream(
  context: Context,
  { feed, from, symbols, closing, ended }: TickStreamOptions,
): Response {
  context.header('content-type', 'text/event-stream; charset=utf-8')
  context.header('cache-control', 'no-store')
  const stopped = new AbortController()
  const signal = closing ? AbortSignal.any([stopped.signal, closing]) : stopped.signal
  const batches = feed.listen(from, symbols, signal)
  const encoder = new TextEncoder()
  let greeted = false
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!greeted) {
          greeted = true
          // An id without data: the place to resume from is known before the first tick.
          controller.enqueue(encoder.encode(`retry: 2000\n: ticks follow\nid: ${encodeCursor(from)}\n\n`))
          return
        }
        const { value, done } = await batches.next().catch((error) => {
          ended()
          throw error
        })
        if (!done) controller.enqueue(encoder.encode(eventOf(value)))
        else {
          ended()
          controller.close()
        }
      },
      // Not called behind an end or an error.
      async cancel() {
        ended()
        stopped.abort()
        await batches.return()
      },
    },
    { highWaterMark: 0 },
  )
  return context.body(body)
}

function eventOf({ ticks, cursor }: TickBatch): string {
  const id = `id: ${encodeCursor(cursor)}\n`
  return ticks.length === 0 ? `: nothing new\n${id}\n` : `${id}data: ${JSON.stringify(ticks)}\n\n`
}
