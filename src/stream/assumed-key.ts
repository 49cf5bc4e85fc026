import type { Serde } from '../serdes/serde.ts'
import { serdes } from '../serdes/serdes.ts'
import type { Stage } from './builder.ts'

const json = serdes.json<unknown>()

/** How a new key is written as long as nobody says otherwise: as JSON. */
export function assumedKey<K>(): Serde<K> {
  return json as Serde<K>
}

/** Whether it is still open how the stage's new key is written: it stands in no topic yet, and nobody has said. */
function isAssumed<K>({ key, rekeyed }: Pick<Stage<K, unknown>, 'key' | 'rekeyed'>): boolean {
  return rekeyed && key === json
}

/**
 * How the key of a join is written, where its options don't say: as on the left, or on the right if on the left it is
 * only assumed. Equal keys lie in equal partitions only if their bytes are equal.
 */
export function joinedKey<K, K2>(
  left: Pick<Stage<K, unknown>, 'key' | 'rekeyed'>,
  right: Pick<Stage<K2, unknown>, 'key'>,
): Serde<K> | Serde<K2> {
  return isAssumed(left) ? right.key : left.key
}
