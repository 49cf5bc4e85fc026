import type { Clock } from 'rivulet'
import { map, type OperatorFunction } from 'rxjs'
import { ExchangeTime } from './exchange-time.ts'
import { decodeMessage, frameBytesMax, type Message } from './message.ts'
import type { SocketEvent, SocketOpened } from './socket.ts'

export type DecodedEvent =
  | SocketOpened
  /** What a frame says, and the frame itself, of which a dead letter is made. */
  | { readonly type: 'message'; readonly message: Message; readonly bytes: Buffer }

const nothing = Buffer.alloc(0)

/** Decodes what a socket receives; what can't be decoded is `bad`, and so is a trade of a time that can't be yet. */
export function decoded(clock: Clock): OperatorFunction<SocketEvent, DecodedEvent> {
  const exchangeTime = new ExchangeTime(clock)
  return map((event) => {
    if (event.type === 'open') return event
    if (event.type === 'oversized') {
      return { type: 'message', message: { type: 'bad', reason: event.reason }, bytes: nothing }
    }
    const { bytes, binary } = event
    const message = decodeMessage(bytes, binary, exchangeTime.latestMs)
    if (message.type === 'heartbeat') exchangeTime.heard(message.timestampMs)
    const isLong = bytes.length > frameBytesMax
    return { type: 'message', message, bytes: isLong ? bytes.subarray(0, frameBytesMax) : bytes }
  })
}
