import { required } from '../checked.ts'
import type { Serde } from '../serdes/serde.ts'
import type { Topic } from './topic.ts'
import type { StreamOptions } from './topology.ts'

/** How the records of all topics are read that a pattern finds. */
export interface PatternOptions<K, V> extends StreamOptions<K, V> {
  /** How keys are read, in all of them. */
  readonly key: Serde<K>
  /** How values are read, in all of them. */
  readonly value: Serde<V>
}

/** What stands in the graph for all topics that the pattern finds. Throws `BAD_TOPOLOGY` where a serde is missing. */
export function patternTopic<K, V>(pattern: RegExp, { key, value }: PatternOptions<K, V>): Topic<K, V> {
  const name = String(pattern)
  required({ 'key serde': key, 'value serde': value }, { topic: name })
  return { name, key, value, partitions: 1, config: {} }
}

/** Without the flags by which a RegExp remembers where it was. */
export function stateless(pattern: RegExp): RegExp {
  return new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, ''))
}
