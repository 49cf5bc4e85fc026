import type { Fetched, KafkaConsumer, TopicPartition } from '../kafka/types.ts'
import { FetchedChunk, type InputQueue } from './input-queue.ts'
import type { InputLayout } from './layout.ts'

/** Who works off what a feed puts into its queues. */
export interface FeedReader {
  readonly queues: readonly InputQueue[]
  run(): void
}

export interface PartitionFeedOptions {
  /** How many tasks read it, when all are there. */
  readonly readers: number
  readonly consumer: Pick<KafkaConsumer, 'pause' | 'resume' | 'seek'>
  readonly recordsBufferedMax: number
}

/**
 * One assigned partition, fetched once for all tasks that read it: each takes from its own position, and the slowest
 * one, when its queue is full, pauses the partition.
 */
export class PartitionFeed implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly #input: InputLayout
  readonly #options: PartitionFeedOptions
  readonly #readers = new Map<InputQueue, FeedReader>()
  /** What lies before was deleted by this instance. */
  purgedOffset = 0
  #paused = true
  #endOffset = -1

  constructor(input: InputLayout, partition: number, options: PartitionFeedOptions) {
    this.topic = input.topic
    this.partition = partition
    this.#input = input
    this.#options = options
    options.consumer.pause([this])
  }

  /** The end of the partition, as last heard; −1: not yet. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** Whether what all of its tasks have worked off may be deleted: the application itself wrote it, and all are here. */
  get isPurgeable(): boolean {
    return this.#input.internal && this.#isComplete
  }

  /** A task is ready to read from here. */
  attach(reader: FeedReader): void {
    for (const queue of reader.queues) if (queue.input.topic === this.topic) this.#readers.set(queue, reader)
    this.rewind()
  }

  detach(reader: FeedReader): void {
    for (const queue of reader.queues) this.#readers.delete(queue)
  }

  /** The partition is somebody else's: from now on nothing is done with it. */
  close(): void {
    this.#readers.clear()
  }

  push(fetched: Fetched): void {
    this.#endOffset = fetched.endOffset
    const chunk = new FetchedChunk(fetched, this.#input)
    for (const queue of this.#readers.keys()) queue.push(chunk)
    this.regulate()
    for (const reader of this.#readers.values()) reader.run()
  }

  /** Fetches from where the first of its tasks needs it; begins when all of them are there. */
  rewind(): void {
    if (!this.#isComplete) return
    const offset = Math.min(...[...this.#readers.keys()].map((queue) => queue.queuedOffset))
    this.#options.consumer.seek(this.topic, this.partition, offset)
    this.regulate()
  }

  /** Pauses the partition while a queue is full, until all are half empty. */
  regulate(): void {
    if (!this.#isComplete) return
    const { consumer, recordsBufferedMax } = this.#options
    const fullest = Math.max(...[...this.#readers.keys()].map(({ records }) => records))
    if (!this.#paused && fullest >= recordsBufferedMax) {
      this.#paused = true
      consumer.pause([this])
    } else if (this.#paused && fullest <= recordsBufferedMax / 2) {
      this.#paused = false
      consumer.resume([this])
    }
  }

  get #isComplete(): boolean {
    return this.#readers.size >= this.#options.readers
  }
}
