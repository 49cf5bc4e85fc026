import { RivuletError } from '../errors.ts'
import type { Chunk } from '../records/chunk.ts'
import { Destination, type RecordSerdes } from '../runtime/destination.ts'
import type { Layout } from '../runtime/layout.ts'
import type { OutgoingColumns } from '../runtime/outgoing-columns.ts'
import { OutgoingRoute, type Unwritten } from '../runtime/outgoing-route.ts'
import { OutgoingTopic } from '../runtime/outgoing-topic.ts'
import type { RepartitionNode, TopicSinkNode } from '../stream/graph.ts'

type AnyChunk = Chunk<unknown, unknown>
type AnyDestination = Destination<unknown, unknown>

/** Records on their way into topics, not serialized yet. */
export interface Parcel {
  readonly chunk: AnyChunk
  readonly destinations: readonly (AnyDestination | undefined)[]
  /** Whose serdes read what is written, for those who only know the topic's name; absent: nobody is to see it. */
  readonly serdes?: RecordSerdes<unknown, unknown>
  /** Serializes them into the columns of their partitions, which are added to `filled`. Throws for one that does not fit. */
  write(filled: OutgoingColumns[]): void
}

/** What a test pipes in, and where. */
export interface Piped {
  readonly topic: string
  readonly serdes: RecordSerdes<unknown, unknown>
  readonly chunk: AnyChunk
  /** Absent: the keys say. */
  readonly partition?: number | undefined
}

/** Brings records to the partitions of their topics: those of steps as the runtime does, those of tests by their keys. */
export class DriverWriter {
  readonly #layout: Layout
  readonly #unwritten: Unwritten
  readonly #routes = new Map<TopicSinkNode | RepartitionNode, OutgoingRoute>()
  readonly #piped = new Map<RecordSerdes<unknown, unknown>, AnyDestination>()
  readonly #topics = new Map<string, OutgoingTopic>()
  #keyless = 0
  #pipedKeyless = 0

  /** `unwritten` is told of a record of a step that can't be written; it throws where that must not be. */
  constructor(layout: Layout, unwritten: Unwritten) {
    this.#layout = layout
    this.#unwritten = unwritten
  }

  /** Throws what choosing a topic throws, with the record's place. */
  ofStep(node: TopicSinkNode | RepartitionNode, chunk: AnyChunk): Parcel {
    const route = this.#routeOf(node)
    const destinations = route.destinationsOf(chunk, this.#unwritten)
    const keyless = route.keylessOf(chunk) ?? this.#keyless++
    return {
      chunk,
      destinations,
      ...(node.type === 'topic-sink' && { serdes: node.topic }),
      write: (filled) => route.write(chunk, { destinations, keyless, filled, unwritten: this.#unwritten }),
    }
  }

  /** Throws `BAD_REQUEST` for a partition that is none. */
  ofTest({ topic, serdes, chunk, partition }: Piped): Parcel {
    const destination = this.#pipedTo(topic, serdes)
    if (partition !== undefined) checkPartition(destination.topic, partition)
    return {
      chunk,
      destinations: [destination],
      write: (filled) => {
        for (let i = 0; i < chunk.keys.length; i++) {
          const keyless = chunk.keys[i] === null ? this.#pipedKeyless++ : 0
          destination.write(chunk, i, filled, keyless, partition)
        }
      },
    }
  }

  #pipedTo(topic: string, serdes: RecordSerdes<unknown, unknown>): AnyDestination {
    let destination = this.#piped.get(serdes)
    if (!destination) {
      destination = new Destination(this.#topic(topic), serdes)
      this.#piped.set(serdes, destination)
    }
    return destination
  }

  #routeOf(node: TopicSinkNode | RepartitionNode): OutgoingRoute {
    let route = this.#routes.get(node)
    if (!route) {
      route = new OutgoingRoute({ node, layout: this.#layout, topic: (name) => this.#topic(name) })
      this.#routes.set(node, route)
    }
    return route
  }

  /** Of a topic that nobody has declared: as many as a pattern has that finds it. */
  #matchedPartitions(name: string): number {
    const inputs = this.#layout.subTopologies.flatMap((each) => each.inputs)
    const found = inputs.find(({ node }) => node.type === 'topic-source' && node.pattern?.test(name))
    return found?.partitions ?? 1
  }

  /** One that nobody has declared is made with one partition, as in the runtime. */
  #topic(name: string): OutgoingTopic {
    let topic = this.#topics.get(name)
    if (!topic) {
      topic = new OutgoingTopic(name, this.#layout.partitionCounts.get(name) ?? this.#matchedPartitions(name))
      this.#topics.set(name, topic)
    }
    return topic
  }
}

function checkPartition({ name, partitions = 1 }: OutgoingTopic, partition: number): void {
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return
  const message = `the topic "${name}" has no partition ${partition}: it has ${partitions}, counted from 0`
  throw new RivuletError('BAD_REQUEST', message, { place: { topic: name, partition } })
}
