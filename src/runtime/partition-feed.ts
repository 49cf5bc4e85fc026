import type { Fetched, KafkaConsumer, TopicPartition } from '../kafka/types.ts'
import { FetchedChunk, type InputQueue } from './input-queue.ts'
import type { InputLayout } from './layout.ts'

/**
 * One assigned partition, fetched once for all tasks that read it: each takes from its own position, and the slowest
 * one, when its queue is full, pauses the partition.
 */
export class PartitionFeed implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly #input: InputLayout
  readonly #consumer: Pick<KafkaConsumer, 'pause' | 'resume' | 'seek'>
  readonly #recordsBufferedMax: number
  readonly #queues = new Set<InputQueue>()
  /** How many tasks read it, when all are there. */
  readonly #readers: number
  /** What lies before was deleted by this instance. */
  purgedOffset = 0
  #paused = true
  #endOffset = -1

  constructor(
    input: InputLayout,
    partition: number,
    options: {
      readonly readers: number
      readonly consumer: Pick<KafkaConsumer, 'pause' | 'resume' | 'seek'>
      readonly recordsBufferedMax: number
    },
  ) {
    this.topic = input.topic
    this.partition = partition
    this.#input = input
    this.#readers = options.readers
    this.#consumer = options.consumer
    this.#recordsBufferedMax = options.recordsBufferedMax
    this.#consumer.pause([this])
  }

  /** The end of the partition, as last heard; −1: not yet. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** Whether the application itself wrote it. */
  get isInternal(): boolean {
    return this.#input.internal
  }

  /** Whether all tasks that read it are here. */
  get isComplete(): boolean {
    return this.#queues.size >= this.#readers
  }

  /** A task is ready to read from here. */
  attach(queue: InputQueue): void {
    this.#queues.add(queue)
    this.rewind()
  }

  detach(queue: InputQueue): void {
    this.#queues.delete(queue)
  }

  push(fetched: Fetched): void {
    this.#endOffset = fetched.endOffset
    const chunk = new FetchedChunk(fetched, this.#input)
    for (const queue of this.#queues) queue.push(chunk)
    this.regulate()
  }

  /** Fetches from where the first of its tasks needs it; begins when all of them are there. */
  rewind(): void {
    if (!this.isComplete) return
    const offset = Math.min(...[...this.#queues].map((queue) => queue.queuedOffset))
    this.#consumer.seek(this.topic, this.partition, offset)
    this.regulate()
  }

  /** Pauses the partition while a queue is full, until all are half empty. */
  regulate(): void {
    if (!this.isComplete) return
    const fullest = Math.max(...[...this.#queues].map(({ records }) => records))
    if (!this.#paused && fullest >= this.#recordsBufferedMax) {
      this.#paused = true
      this.#consumer.pause([this])
    } else if (this.#paused && fullest <= this.#recordsBufferedMax / 2) {
      this.#paused = false
      this.#consumer.resume([this])
    }
  }
}
