import type { PlainRecord, SourceContext, Topic } from 'rivulet'
import { symbolOf } from './trade.ts'

/** Which trade a record of the topic is. */
export interface TapePosition {
  readonly product: string
  readonly tradeId: number
}

/** Where a source goes on: the topic that it feeds, and which trade a record of it is. */
export interface Tape<K = unknown, V = unknown> {
  readonly topic: Topic<K, V>
  readonly positionOf: (record: PlainRecord<K, V>) => TapePosition | undefined
}

const tellEveryRecords = 1_000_000

/** Shows what a tape counts from the start, for nothing to have happened is a figure too. */
export function countFromZero({ count }: Pick<SourceContext, 'count'>): void {
  for (const counter of ['duplicates', 'gaps', 'backfilled']) count(counter, 0)
}

/** What the tape holds of the products that a source feeds: the id of the newest trade, for each that is there. */
export type TapeEnd = ReadonlyMap<string, number>

export const emptyTape: TapeEnd = new Map()

/**
 * Reads the topic backwards until the newest trade of each product was seen in each partition: where partitions were added,
 * a product's trades go on in another one. Whatever is not there costs reading all of the topic, once a start: a guess would
 * double or lose its trades.
 */
export async function readTapeEnd<K, V>(
  { topic, positionOf }: Tape<K, V>,
  products: readonly string[],
  { tail, logger }: Pick<SourceContext, 'tail' | 'logger'>,
): Promise<TapeEnd> {
  const lastIds = new Map<string, number>()
  const others = new OtherProducts(products, logger)
  const unseen = new Map<number, Set<string>>()
  let partitionsLeft: number | undefined
  let records = 0
  for await (const record of tail(topic)) {
    const { partition, partitions } = record
    partitionsLeft ??= partitions
    const unseenHere = unseen.get(partition) ?? new Set(products)
    unseen.set(partition, unseenHere)
    const position = positionOf(record)
    if (position && unseenHere.delete(position.product)) {
      const { product, tradeId } = position
      lastIds.set(product, Math.max(tradeId, lastIds.get(product) ?? tradeId))
      if (unseenHere.size === 0 && --partitionsLeft === 0) break
    } else if (position) others.seen(position.product)
    if (++records % tellEveryRecords === 0)
      logger.info({ topic: topic.name, records }, 'still looking for the last trades of all products')
  }
  return lastIds
}

/** Says once of each product which of the topic's others has its symbol: whoever reads by symbol reads both. */
class OtherProducts {
  readonly #known: Set<string>
  readonly #symbols: ReadonlySet<string>
  readonly #logger: SourceContext['logger']

  constructor(products: readonly string[], logger: SourceContext['logger']) {
    this.#known = new Set(products)
    this.#symbols = new Set(products.map(symbolOf))
    this.#logger = logger
  }

  seen(product: string): void {
    if (this.#known.has(product)) return
    this.#known.add(product)
    if (this.#symbols.has(symbolOf(product)))
      this.#logger.warn({ product }, 'the topic has trades of another product of the same symbol')
  }
}
