import { ByteReader } from './byte-reader.ts'
import type { Address, Link } from './link.ts'

const metadataKey = 3

export interface ClusterMetadata {
  readonly nodes: ReadonlyMap<number, Address>
  readonly controllerId: number
  readonly topics: readonly TopicMetadata[]
}

export interface TopicMetadata {
  readonly name: string
  /** Kafka's code; 0 is none. */
  readonly errorCode: number
  /** Kafka's own, such as `__consumer_offsets`. */
  readonly isInternal: boolean
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionMetadata {
  readonly partition: number
  /** −1: none at present. */
  readonly leader: number
  /** Raised with each change of leader. */
  readonly leaderEpoch: number
}

/**
 * Metadata v7. Unlike kafkajs's own, it tells each topic's error apart instead of failing for all, and no topic means
 * none, not all.
 */
export function fetchMetadata(link: Link, topics: readonly string[] | 'all'): Promise<ClusterMetadata> {
  return link.send({
    request: { apiKey: metadataKey, apiVersion: 7, apiName: 'Metadata', encode: async () => encode(topics) },
    response: { decode: async (bytes) => decode(bytes), parse: async (data) => data },
  })
}

function encode(topics: readonly string[] | 'all') {
  const names = (topics === 'all' ? [] : topics).map((topic) => Buffer.from(topic))
  const buffer = Buffer.alloc(names.reduce((bytes, name) => bytes + 2 + name.length, 5))
  let at = buffer.writeInt32BE(topics === 'all' ? -1 : names.length)
  for (const name of names) {
    at = buffer.writeInt16BE(name.length, at)
    at += name.copy(buffer, at)
  }
  buffer.writeInt8(0, at) // no automatic creation
  return { buf: buffer, buffer }
}

function decode(bytes: Buffer): ClusterMetadata {
  const reader = new ByteReader(bytes)
  const int32 = () => reader.int32()
  reader.int32() // throttle time
  const nodes = reader.array(() => {
    const id = reader.int32()
    const node = { host: reader.string(), port: reader.int32() }
    reader.string() // rack
    return [id, node] as const
  })
  reader.string() // cluster id
  const controllerId = reader.int32()
  const topics = reader.array(() => {
    const errorCode = reader.int16()
    const name = reader.string()
    const isInternal = reader.int8() === 1
    const partitions = reader.array(() => {
      reader.int16() // error code: a partition without leader says −1 below
      const partition = reader.int32()
      const leader = reader.int32()
      const leaderEpoch = reader.int32()
      for (let list = 0; list < 3; list++) reader.array(int32) // replicas, in sync, offline
      return { partition, leader, leaderEpoch }
    })
    return { name, errorCode, isInternal, partitions: partitions.sort((a, b) => a.partition - b.partition) }
  })
  return { nodes: new Map(nodes), controllerId, topics }
}
