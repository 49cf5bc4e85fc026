import type { Context } from 'hono'
import { historyRows } from './history-format.ts'
import type { History } from './market-queries.ts'

/** `[{timestamp, symbol, price}]` of all pages, each of which is read when the client has taken the one before. */
export async function streamHistory(
  context: Context,
  pages: AsyncIterable<History>,
  etag: string,
): Promise<Response> {
  const reading = rowsOf(pages)
  // While nothing is written, a fault can still be told.
  let next = await reading.next()
  const encoder = new TextEncoder()
  let opening = '['
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (next.done) {
          controller.enqueue(encoder.encode(opening === '[' ? '[]' : ']'))
          controller.close()
          return
        }
        controller.enqueue(encoder.encode(opening + next.value))
        opening = ','
        next = await reading.next()
      },
      async cancel() {
        await reading.return()
      },
    },
    { highWaterMark: 0 },
  )
  return context.body(body, 200, { 'content-type': 'application/json', etag })
}

/** The rows of each page that has any, without the brackets around them. */
async function* rowsOf(pages: AsyncIterable<History>): AsyncGenerator<string, void, void> {
  for await (const page of pages) if (page.prices.length > 0) yield historyRows(page).slice(1, -1)
}
