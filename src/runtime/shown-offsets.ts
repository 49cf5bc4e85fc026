import type { Subscription } from 'rxjs'
import { messageOf } from '../errors.ts'
import type { KafkaConsumer, PartitionOffset } from '../kafka/types.ts'
import type { InstanceContext } from './instance-context.ts'
import { keyOf } from './task-assignor.ts'

const INTERVAL_MS = 1_000

/**
 * How far the sinks have come, shown as the group's offsets, once a second at most. Nobody reads on from there: a sink
 * remembers its own place. So what can't be shown is left out.
 */
export class ShownOffsets {
  readonly #context: InstanceContext
  readonly #consumer: Pick<KafkaConsumer, 'commit'>
  readonly #waiting = new Map<string, PartitionOffset>()
  #timer: Subscription | undefined

  constructor(context: InstanceContext, consumer: Pick<KafkaConsumer, 'commit'>) {
    this.#context = context
    this.#consumer = consumer
  }

  show(offset: PartitionOffset): void {
    this.#waiting.set(keyOf(offset), offset)
    this.#timer ??= this.#context.settings.clock.scheduler.schedule(() => void this.flush(), INTERVAL_MS)
  }

  /** Shows at once what waits. */
  async flush(): Promise<void> {
    this.#timer?.unsubscribe()
    this.#timer = undefined
    const offsets = [...this.#waiting.values()]
    this.#waiting.clear()
    await this.#consumer.commit(offsets).catch((error) => this.#context.logger.debug(messageOf(error)))
  }

  /** Forgets what waits. */
  drop(): void {
    this.#timer?.unsubscribe()
    this.#timer = undefined
    this.#waiting.clear()
  }
}
