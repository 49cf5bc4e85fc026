/**
 * The partition of a key's bytes among so many `partitions`, as Java's default partitioner and Kafka Streams choose it:
 * by murmur2. A record without key may go anywhere: to `keyless` modulo `partitions`, for which the caller counts.
 *
 * @example
 * ```ts
 * partitionFor(serdes.string.serialize('ann'), 12) // where the records of "ann" are
 * ```
 */
export function partitionFor(key: Buffer | null, partitions: number, keyless = 0): number {
  return (key === null ? keyless : murmur2(key) & 0x7fffffff) % partitions
}

const m = 0x5bd1e995

/** Source: `org.apache.kafka.common.utils.Utils.murmur2`. */
export function murmur2(bytes: Buffer): number {
  let hash = 0x9747b28c ^ bytes.length
  const whole = bytes.length & ~3
  for (let at = 0; at < whole; at += 4) {
    let k = bytes.readInt32LE(at)
    k = Math.imul(k, m)
    k ^= k >>> 24
    hash = Math.imul(hash, m) ^ Math.imul(k, m)
  }
  const rest = bytes.length - whole
  if (rest >= 3) hash ^= (bytes[whole + 2] as number) << 16
  if (rest >= 2) hash ^= (bytes[whole + 1] as number) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[whole] as number), m)
  hash ^= hash >>> 13
  hash = Math.imul(hash, m)
  return hash ^ (hash >>> 15)
}
