import { Subscription } from 'rxjs'
import type { PartitionRange } from '../kafka/types.ts'
import type { RawChunk } from '../records/chunk.ts'
import { decodeChunk, prepareChunk } from '../serdes/decode-chunk.ts'
import type { StateStore } from '../state/store.ts'
import { createTask } from './create-task.ts'
import type { InstanceContext } from './instance-context.ts'
import type { InputLayout } from './layout.ts'
import { prepared } from './prepared.ts'
import { readPrepared } from './read-prepared.ts'
import { StoreSerdes } from './store-serdes.ts'
import type { Task } from './task.ts'

/** A topic that is read whole, and the task that makes a table of it. */
interface GlobalInput {
  readonly input: InputLayout
  readonly task: Task
}

/**
 * Whole topics, read by every instance for all of its tasks. What can't be decoded is counted and left out. Source:
 * Kafka Streams' `GlobalStreamThread`.
 */
export class GlobalTables {
  readonly #context: InstanceContext
  readonly #inputs: readonly GlobalInput[]
  readonly #stores = new Map<string, StateStore>()
  readonly #reading = new Subscription()

  constructor(context: InstanceContext) {
    this.#context = context
    const globals = context.layout.subTopologies.filter(({ subTopology }) => subTopology.kind === 'global')
    this.#inputs = globals.flatMap(({ subTopology, inputs, stores }) => {
      const task = createTask(subTopology, context.settings, this.#stores, new StoreSerdes(stores))
      for (const [name, store] of task.stores) this.#stores.set(name, store)
      return inputs.map((input) => ({ input, task }))
    })
  }

  /** By name; filled as far as their topics have been read. */
  get stores(): ReadonlyMap<string, StateStore> {
    return this.#stores
  }

  /** Resolves when everything is read that the topics hold now, and goes on as they grow; never, if `close` comes before. */
  async read(): Promise<void> {
    const caughtUp: Promise<void>[] = []
    for (const each of this.#inputs) {
      const ranges = await this.#context.settings.kafka.admin.offsets(each.input.topic)
      caughtUp.push(...ranges.map((range) => this.#follow(each, range)))
    }
    await Promise.all(caughtUp)
  }

  close(): void {
    this.#reading.unsubscribe()
  }

  #follow(of: GlobalInput, { partition, lowOffset, endOffset }: PartitionRange): Promise<void> {
    const { settings, failed, over } = this.#context
    const { input } = of
    const { topic } = input
    const options = { context: this.#context, topic, signal: over }
    return new Promise((resolve) => {
      if (endOffset <= lowOffset) resolve()
      const range = { toOffset: 'follow' } as const
      const records = readPrepared(settings.kafka, { topic, partition }, range, ({ chunk }) =>
        prepared(() => prepareChunk(chunk, input), options),
      )
      const subscription = records.subscribe({
        next: ({ chunk, nextOffset }) => {
          try {
            this.#take(of, chunk)
          } catch (error) {
            failed(error)
          }
          if (nextOffset >= endOffset) resolve()
        },
        error: failed,
      })
      this.#reading.add(subscription)
    })
  }

  #take({ input, task }: GlobalInput, raw: RawChunk): void {
    const { chunk, undecodable } = decodeChunk(raw, input)
    if (undecodable.length > 0) this.#leftOut(input.topic, undecodable.length)
    task.process(input.node, chunk)
    task.takeOutputs()
  }

  #leftOut(topic: string, count: number): void {
    const { statistics, logger } = this.#context
    statistics.count('dead_letters', count)
    logger.warn({ topic, count }, `records of the global table "${topic}" can't be decoded: left out`)
  }
}
