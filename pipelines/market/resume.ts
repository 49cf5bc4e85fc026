import type { SourceContext, Topic } from 'rivulet'

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

const tellEveryRecords = 1_000_000

/** Shows what a tape counts from the start, for nothing to have happened is a figure too. */
export function countFromZero({ count }: Pick<SourceContext, 'count'>): void {
  for (const counter of ['duplicates', 'gaps', 'backfilled']) count(counter, 0)
}

/** What the tape holds of the symbols that a source feeds. */
export interface TapeEnd {
  /** The id of the newest trade, for each symbol that is there. */
  readonly lastIds: ReadonlyMap<string, number>
  /** All ids of the symbols that several products share: the newest says nothing about the others. */
  readonly sharedIds: ReadonlyMap<string, ReadonlySet<number>>
}

export const emptyTape: TapeEnd = { lastIds: new Map(), sharedIds: new Map() }

/**
 * Reads the topic backwards until the newest trade of each symbol was seen. A symbol that is not on the tape, or that
 * several products share, costs reading all of it, once a start: a guess would double or lose its trades.
 */
export async function readTapeEnd<K, V>(
  { topic, positionOf }: Tape<K, V>,
  symbols: readonly string[],
  { tail, logger }: Pick<SourceContext, 'tail' | 'logger'>,
): Promise<TapeEnd> {
  const lastIds = new Map<string, number>()
  const shared = symbols.filter((symbol, i) => symbols.indexOf(symbol) !== i)
  const sharedIds = new Map(shared.map((symbol) => [symbol, new Set<number>()]))
  const unseen = new Set(symbols.filter((symbol) => !sharedIds.has(symbol)))
  let records = 0
  for await (const { value } of tail(topic)) {
    const position = positionOf(value)
    if (position) {
      sharedIds.get(position.symbol)?.add(position.tradeId)
      if (unseen.delete(position.symbol)) lastIds.set(position.symbol, position.tradeId)
    }
    if (unseen.size === 0 && sharedIds.size === 0) break
    if (++records % tellEveryRecords === 0) {
      logger.info(
        { topic: topic.name, records, symbols: [...unseen] },
        'still looking for the last trades of these',
      )
    }
  }
  return { lastIds, sharedIds }
}
