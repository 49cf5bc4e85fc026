import { messageOf, RivuletError } from '../errors.ts'
import type { Chunk } from '../records/chunk.ts'
import type { Serde } from '../serdes/serde.ts'
import {
  isChooser,
  type Partitioner,
  type RepartitionNode,
  type TopicChooser,
  type TopicSinkNode,
} from '../stream/graph.ts'
import { checkTopicName } from '../stream/topic-name.ts'
import { Destination } from './destination.ts'
import { failedRecord, type UnwrittenRecord } from './failed-record.ts'
import type { Layout } from './layout.ts'
import type { OutgoingColumns } from './outgoing-columns.ts'
import type { OutgoingTopic } from './outgoing-topic.ts'

type AnyChunk = Chunk<unknown, unknown>
type AnyDestination = Destination<unknown, unknown>

export interface OutgoingRouteOptions {
  readonly node: TopicSinkNode | RepartitionNode
  readonly layout: Layout
  /** By its real name; the same for all routes that lead there. */
  readonly topic: (name: string) => OutgoingTopic
}

export interface WriteOptions {
  /** As `destinationsOf` answers them; open. */
  readonly destinations: readonly (AnyDestination | undefined)[]
  /** For the records without key: all of them go to one partition. */
  readonly keyless: number
  /** Columns that were empty before are added. */
  readonly filled: OutgoingColumns[]
  readonly unwritten: Unwritten
}

/** Told of a record that can't be written; throws where it must not be left out. */
export type Unwritten = (error: RivuletError, record: UnwrittenRecord) => void

/** Where the records of one step go, and how they are written there. */
export class OutgoingRoute {
  readonly step: string
  /** Which partition a record goes to; absent: its key says. */
  readonly #partitionOf: Partitioner | undefined
  readonly #options: OutgoingRouteOptions
  readonly #serdes: { readonly key: Serde<unknown>; readonly value: Serde<unknown> }
  readonly #destinations = new Map<string, AnyDestination>()
  readonly #chooser: TopicChooser | undefined
  /** The only one, of a step that does not let its records choose. */
  readonly #only: readonly AnyDestination[]

  constructor(options: OutgoingRouteOptions) {
    const { node, layout } = options
    this.#options = options
    this.step = node.name
    this.#partitionOf = node.partitionOf
    if (node.type === 'repartition') {
      this.#serdes = node
      this.#only = [this.#destination(layout.ownTopicName(node.topicName))]
    } else if (isChooser(node.topic)) {
      this.#serdes = node.topic
      this.#chooser = node.topic
      this.#only = []
    } else {
      this.#serdes = node.topic
      this.#only = [this.#destination(layout.topicName(node.topic.name))]
    }
  }

  /** One for all records of the chunk, or one for each; undefined for one whose choice fails. */
  destinationsOf(chunk: AnyChunk, unwritten: Unwritten): readonly (AnyDestination | undefined)[] {
    const chooser = this.#chooser
    if (!chooser) return this.#only
    return chunk.keys.map((key, i) => {
      try {
        const name = chooser.choose(chunk.values[i], key)
        checkTopicName(name)
        return this.#destination(this.#options.layout.topicName(name))
      } catch (error) {
        this.#leaveOut(error, chunk, i, unwritten)
        return undefined
      }
    })
  }

  /** Results of calls stay in the order of their records, also those without a key. */
  keylessOf(chunk: AnyChunk): number | undefined {
    const { node } = this.#options
    return node.type === 'repartition' && node.call ? chunk.partition : undefined
  }

  /** Serializes records and puts them where they belong; answers what they cost in memory, about. */
  write(chunk: AnyChunk, { destinations, keyless, filled, unwritten }: WriteOptions): number {
    const { length } = chunk.values
    const only = this.#chooser ? undefined : destinations[0]
    let bytes = 0
    let i = 0
    while (i < length) {
      try {
        for (; i < length; i++) {
          const destination = only ?? destinations[i]
          if (!destination) continue
          checkTimestamp(chunk.timestampsMs[i] as number)
          const partition = this.#partitionOf && partitionBy(this.#partitionOf, chunk, i, destination.topic)
          bytes += destination.write(chunk, i, filled, keyless, partition)
        }
      } catch (error) {
        this.#leaveOut(error, chunk, i, unwritten, (only ?? destinations[i])?.topic.name)
        i++
      }
    }
    return bytes
  }

  #leaveOut(error: unknown, chunk: AnyChunk, i: number, unwritten: Unwritten, destination?: string): void {
    const { step } = this
    unwritten(unwritable(step, error, chunk, i), { ...failedRecord(step, chunk, i), destination })
  }

  #destination(name: string): AnyDestination {
    let destination = this.#destinations.get(name)
    if (!destination) {
      destination = new Destination(this.#options.topic(name), this.#serdes, this.step)
      this.#destinations.set(name, destination)
    }
    return destination
  }
}

/** What was thrown for a record, as an error that says which. */
export function unwritable(
  step: string,
  error: unknown,
  { topic, partition, offsets }: AnyChunk,
  i: number,
): RivuletError {
  const offset = offsets[i] ?? -1
  const code = error instanceof RivuletError && error.code !== 'BAD_TOPOLOGY' ? error.code : 'ENCODE_FAILED'
  const message = `step "${step}" can't write what came of ${topic}/${partition} offset ${offset}: ${messageOf(error)}`
  return new RivuletError(code, message, { cause: error, place: { step, topic, partition, offset } })
}

/** Steps of the package make no other; one of the user's own might. */
function checkTimestamp(timestampMs: number): void {
  if (timestampMs >= 0 && Number.isSafeInteger(timestampMs)) return
  throw new RangeError(`a record's timestamp must be whole milliseconds since the epoch, not ${timestampMs}`)
}

/** Undefined: the key says. Throws for a partition that the topic does not have. */
function partitionBy(
  partitioner: Partitioner,
  { keys, values }: AnyChunk,
  i: number,
  { name, partitions = 0 }: OutgoingTopic,
): number | undefined {
  const partition = partitioner.partition(values[i], keys[i], partitions)
  if (partition === undefined || (Number.isInteger(partition) && partition >= 0 && partition < partitions))
    return partition
  throw new RangeError(
    `there is no partition ${partition} of "${name}": it has ${partitions}, counted from 0`,
  )
}
