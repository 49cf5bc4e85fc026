import type { Handler } from 'hono'
import { badParameter, parametersOf, unavailable, type WebEnv } from 'rivulet/app'
import { decodeCursor, reaches } from './cursor.ts'
import { cursorOf, symbolsOf } from './market-parameters.ts'
import type { MarketQueries } from './market-queries.ts'
import type { TickFeed } from './tick-feed.ts'
import { tickStream } from './tick-stream.ts'

const streamsMax = 500

/** `GET /api/stream`: Server-Sent Events of ticks, from now on or from where a client left off. */
export function streamRoute(feed: TickFeed, queries: MarketQueries): Handler<WebEnv> {
  let open = 0
  return async (context) => {
    const parameters = parametersOf(context)
    const symbols = symbolsOf(parameters)
    const resumed = context.req.header('last-event-id')
    const since = resumed ? decodeCursor(resumed, 'Last-Event-ID') : cursorOf(parameters, 'since')
    const position = await queries.position()
    if (since !== null && !reaches(position, since)) {
      const parameter = resumed ? 'Last-Event-ID' : 'since'
      throw badParameter(parameter, 'is ahead of the data: it is not of this market')
    }
    // Nothing is awaited from here to where it is counted: many may have asked in one moment.
    if (open >= streamsMax) return unavailable(context, 'BUFFER_FULL', `${streamsMax} streams are open`)
    open++
    const ended = () => {
      open--
    }
    return tickStream(context, {
      feed,
      from: since ?? position,
      symbols,
      closing: context.env?.closing,
      ended,
    })
  }
}
