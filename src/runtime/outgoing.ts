import { messageOf, RivuletError } from '../errors.ts'
import { partitionFor } from '../kafka/partitioner.ts'
import type { KafkaAdmin, OutgoingRecords } from '../kafka/types.ts'
import type { Chunk, Headers } from '../records/chunk.ts'
import type { Serde } from '../serdes/serde.ts'
import { isChooser, type Partitioner } from '../stream/graph.ts'
import type { Layout } from './layout.ts'
import type { TaskOutput } from './task.ts'

/** Records for one partition. */
export interface OutgoingBatch {
  readonly topic: string
  readonly partition: number
  readonly records: OutgoingRecords
  readonly bytes: number
}

class Columns {
  readonly keys: (Buffer | null)[] = []
  readonly values: (Buffer | null)[] = []
  readonly timestampsMs: number[] = []
  headers: (Headers | undefined)[] | undefined
  bytes = 0

  push(key: Buffer | null, value: Buffer | null, timestampMs: number, headers: Headers | undefined): void {
    if (headers && !this.headers) this.headers = this.keys.map(() => undefined)
    this.headers?.push(headers)
    this.keys.push(key)
    this.values.push(value)
    this.timestampsMs.push(timestampMs)
    this.bytes += (key?.length ?? 0) + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES
  }

  get records(): OutgoingRecords {
    const { keys, values, timestampsMs, headers } = this
    return headers ? { keys, values, timestampsMs, headers } : { keys, values, timestampsMs }
  }
}

/** What a record costs beside its bytes, about. */
const RECORD_OVERHEAD_BYTES = 24

/** What has left a task and is not yet handed to a producer: serialized, and by partition, as Java's producer chooses it. */
export class Outgoing {
  readonly #layout: Layout
  /** Of topics that a record chose; found out when first met. */
  readonly #chosenCounts = new Map<string, number>()
  readonly #partitions = new Map<string, Columns[]>()
  #keyless = 0
  #bytes = 0

  constructor(layout: Layout) {
    this.#layout = layout
  }

  get bytes(): number {
    return this.#bytes
  }

  add({ node, chunk }: TaskOutput): void {
    if (node.type === 'external-sink')
      throw new RivuletError('INTERNAL', `"${node.name}" is a sink: its records do not go to Kafka`)
    if (node.type === 'repartition') {
      const topic = this.#layout.ownTopicName(node.topicName)
      // Results of calls stay in the order of their records, also those without a key.
      const keyless = node.call ? chunk.partition : undefined
      this.#addChunk(node.name, chunk, () => topic, node.key, node.value, node.partitionOf, keyless)
    } else if (isChooser(node.topic)) {
      const { choose, key, value } = node.topic
      this.#addChunk(
        node.name,
        chunk,
        (i) => this.#layout.topicName(choose(chunk.values[i], chunk.keys[i])),
        key,
        value,
      )
    } else {
      const topic = this.#layout.topicName(node.topic.name)
      this.#addChunk(node.name, chunk, () => topic, node.topic.key, node.topic.value)
    }
  }

  addRecord(
    topic: string,
    partition: number,
    key: Buffer | null,
    value: Buffer | null,
    timestampMs: number,
    headers?: Headers,
  ): void {
    const columns = this.#columnsOf(topic)
    const before = columns[partition] ?? new Columns()
    columns[partition] = before
    this.#bytes -= before.bytes
    before.push(key, value, timestampMs, headers)
    this.#bytes += before.bytes
  }

  /** Records are for topics that they chose themselves, and nobody knows yet how many partitions those have. */
  get isUnresolved(): boolean {
    return this.#unknownTopics().length > 0
  }

  /** Finds it out, making the topics that do not exist, and puts the records where they belong. */
  async resolve(admin: Pick<KafkaAdmin, 'ensureTopics'>): Promise<void> {
    const topics = this.#unknownTopics()
    if (topics.length === 0) return
    const counts = await admin.ensureTopics(
      topics.map((name) => ({ name, partitions: 1, config: { 'retention.ms': '-1' } })),
    )
    for (const [topic, partitions] of counts) this.#place(topic, partitions)
  }
  /** Hands over everything and is empty then. */
  take(): OutgoingBatch[] {
    const batches: OutgoingBatch[] = []
    for (const [topic, partitions] of this.#partitions) {
      partitions.forEach((columns, partition) => {
        if (columns.keys.length === 0) return
        batches.push({ topic, partition, records: columns.records, bytes: columns.bytes })
      })
    }
    this.#partitions.clear()
    this.#bytes = 0
    return batches
  }

  #addChunk(
    step: string,
    chunk: Chunk<unknown, unknown>,
    topicOf: (i: number) => string,
    keySerde: Serde<unknown>,
    valueSerde: Serde<unknown>,
    partitionOf?: Partitioner,
    keyless = ++this.#keyless,
  ): void {
    let i = 0
    try {
      for (; i < chunk.keys.length; i++) {
        const key = encode(chunk.keys[i], keySerde)
        const value = encode(chunk.values[i], valueSerde)
        const topic = topicOf(i)
        const partition = partitionOf
          ? partitionOf.partition(chunk.values[i])
          : partitionFor(key, this.#countOf(topic) ?? 1, keyless)
        this.addRecord(topic, partition, key, value, chunk.timestampsMs[i] as number, chunk.headers?.[i])
      }
    } catch (error) {
      const { topic, partition } = chunk
      const offset = chunk.offsets[i] ?? -1
      const code = error instanceof RivuletError ? error.code : 'ENCODE_FAILED'
      const message = `step "${step}" can't write what came of ${topic}/${partition} offset ${offset}: ${messageOf(error)}`
      throw new RivuletError(code, message, { cause: error, place: { step, topic, partition, offset } })
    }
  }

  #unknownTopics(): string[] {
    return [...this.#partitions.keys()].filter((topic) => this.#countOf(topic) === undefined)
  }

  /** Until the number of its partitions is known, what a topic gets is gathered as if it had one. */
  #place(topic: string, partitions: number): void {
    if (this.#countOf(topic) !== undefined) return // another question had its answer before
    this.#chosenCounts.set(topic, partitions)
    const [gathered] = this.#partitions.get(topic) ?? []
    if (!gathered) return
    this.#partitions.delete(topic)
    this.#bytes -= gathered.bytes
    const { keys, values, timestampsMs, headers } = gathered
    keys.forEach((key, i) => {
      const partition = partitionFor(key, partitions, this.#keyless)
      this.addRecord(topic, partition, key, values[i] ?? null, timestampsMs[i] as number, headers?.[i])
    })
  }

  #columnsOf(topic: string): Columns[] {
    let columns = this.#partitions.get(topic)
    if (!columns) {
      columns = []
      this.#partitions.set(topic, columns)
    }
    return columns
  }

  #countOf(topic: string): number | undefined {
    return this.#layout.partitionCounts.get(topic) ?? this.#chosenCounts.get(topic)
  }
}

function encode(value: unknown, serde: Serde<unknown>): Buffer | null {
  return value === null ? null : serde.serialize(value)
}
