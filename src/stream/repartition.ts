import type { Serde } from '../serdes/serde.ts'
import type { Stage } from './builder.ts'
import { asTopicName } from './topic-name.ts'

/** How grouped or repartitioned records are written on their way, where that differs from what is known of them. */
export interface RepartitionOptions<K, V> {
  readonly key?: Serde<K>
  readonly value?: Serde<V>
  /** Of the repartition topic; absent: as many as its input has. */
  readonly partitions?: number
}

/**
 * The stage behind a topic of the application's own, in which the records are partitioned by the key that they have
 * now. Records with a null key are left out, uncounted, unless `nullKeys` lets them pass. Source: Kafka Streams
 * `KStream.repartition`.
 */
export function repartition<K, V>(
  stage: Stage<K, V>,
  name: string,
  {
    partitions,
    nullKeys = false,
    ...options
  }: RepartitionOptions<K, V> & { readonly nullKeys?: boolean } = {},
): Stage<K, V> {
  const { builder, port, key, value } = withSerdes(stage, options)
  const topicName = `${asTopicName(name)}-repartition`
  const behind = builder.graph.add({
    type: 'repartition',
    kind: 'repartition',
    name: topicName,
    input: port,
    topicName,
    key,
    value,
    nullKeys,
    ...(partitions !== undefined && { partitions }),
  })
  return { builder, port: behind, key, value, rekeyed: false }
}

/** The stage with the serdes that the options name. */
export function withSerdes<K, V>(stage: Stage<K, V>, options: RepartitionOptions<K, V>): Stage<K, V> {
  return {
    ...stage,
    ...(options.key && { key: options.key }),
    ...(options.value && { value: options.value }),
  }
}
