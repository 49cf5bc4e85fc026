/**
 * Which partition a record goes to, of so many (`partitions`, counted from 0) that the topic has; undefined: the one that
 * its key says, as without a partitioner. A partition that the topic does not have is an `ENCODE_FAILED` of the record.
 * Records of one key in several partitions meet in no aggregation or join: whoever parts them answers for that. Source:
 * Kafka Streams `StreamPartitioner`.
 *
 * @example
 * ```ts
 * const byCountry: StreamPartitioner<string, Click> = ({ country }, _user, partitions) => country.length % partitions
 * stream(clicks).to(visits, { partitioner: byCountry })
 * ```
 */
export type StreamPartitioner<K, V> = (value: V, key: K, partitions: number) => number | undefined
