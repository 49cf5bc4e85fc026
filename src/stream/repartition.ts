import { checked } from '../checked.ts'
import type { Serde } from '../serdes/serde.ts'
import type { Stage } from './builder.ts'
import type { StreamPartitioner } from './stream-partitioner.ts'
import { asTopicName } from './topic-name.ts'

/** How grouped or repartitioned records are written on their way, where that differs from what is known of them. */
export interface RepartitionOptions<K, V> {
  /** How keys are written; default: the stream's, JSON behind a step that made new ones. */
  readonly key?: Serde<K>
  /** How values are written; default: the stream's, JSON behind a step that made new ones. */
  readonly value?: Serde<V>
  /** Of the repartition topic; absent: as many as its input has. */
  readonly partitions?: number
}

/** As `RepartitionOptions`, with a say in which partition a record goes to. */
export interface PartitionedBy<K, V> extends RepartitionOptions<K, V> {
  /** Which partition a record goes to; absent: its key says. */
  readonly partitioner?: StreamPartitioner<K, V>
}

/**
 * The stage behind a topic of the application's own, in which the records are partitioned by the key that they have
 * now. Records with a null key are left out, uncounted, unless `nullKeys` lets them pass. Source: Kafka Streams
 * `KStream.repartition`.
 */
export function repartition<K, V>(
  { builder, port, ...stage }: Stage<K, V>,
  name: string,
  {
    key = stage.key,
    value = stage.value,
    partitions,
    nullKeys = false,
    partitioner,
  }: PartitionedBy<K, V> & { readonly nullKeys?: boolean } = {},
): Stage<K, V> {
  const topicName = `${asTopicName(name)}-repartition`
  if (partitions !== undefined) checked({ partitions }, 1, 'BAD_TOPOLOGY', { step: name })
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
    ...(partitioner && { partitionOf: { partition: partitioner } }),
  })
  return { builder, port: behind, key, value, rekeyed: false }
}
