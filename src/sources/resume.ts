import type { Logger } from '../logger.ts'
import type { SourceContext } from '../stream/source.ts'
import type { Topic } from '../stream/topic.ts'

/** Which trade a record of the topic is. */
export interface TapePosition {
  readonly symbol: string
  readonly tradeId: number
}

/** Where a source goes on: the topic that it feeds, and which trade a value of it is. */
export interface Tape<K = unknown, V = unknown> {
  readonly topic: Topic<K, V>
  readonly positionOf: (value: V) => TapePosition | undefined
}

const TELL_EVERY_RECORDS = 1_000_000

/**
 * The id of the newest trade of each symbol in the topic, read backwards until all symbols were seen. A symbol that
 * is not on the tape costs reading all of it, once a start: a guess would double or lose its trades.
 */
export async function lastTradeIds<K, V>(
  { topic, positionOf }: Tape<K, V>,
  symbols: readonly string[],
  { tail, logger }: { tail: SourceContext['tail']; logger: Logger },
): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  const wanted = new Set(symbols)
  let records = 0
  for await (const { value } of tail(topic)) {
    const position = positionOf(value)
    if (position && wanted.delete(position.symbol)) found.set(position.symbol, position.tradeId)
    if (wanted.size === 0) break
    if (++records % TELL_EVERY_RECORDS === 0) {
      logger.info(
        { topic: topic.name, records, symbols: [...wanted] },
        'still looking for the last trades of these',
      )
    }
  }
  return found
}
