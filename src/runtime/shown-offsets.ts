import type { Subscription } from 'rxjs'
import { messageOf } from '../errors.ts'
import type { KafkaConsumer, PartitionOffset } from '../kafka/types.ts'
import type { InstanceContext } from './instance-context.ts'
import { keyOf } from './task-assignor.ts'

const intervalMs = 1_000
/** Nobody is held up for longer by what is only shown. */
const flushMsMax = 1_000

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
    this.#timer ??= this.#context.settings.clock.scheduler.schedule(() => void this.flush(), intervalMs)
  }

  /** Shows at once what waits; resolves when that is done, or has taken too long. */
  async flush(): Promise<void> {
    this.#timer?.unsubscribe()
    this.#timer = undefined
    const offsets = [...this.#waiting.values()]
    this.#waiting.clear()
    if (offsets.length === 0) return
    const { settings, logger } = this.#context
    const shown = new AbortController()
    const showing = this.#consumer
      .commit(offsets)
      .catch((error) => logger.debug(messageOf(error)))
      .finally(() => shown.abort())
    const tooLong = settings.clock.sleep(flushMsMax, shown.signal).catch(() => undefined)
    await Promise.race([showing, tooLong])
  }

  /** Forgets what waits. */
  drop(): void {
    this.#timer?.unsubscribe()
    this.#timer = undefined
    this.#waiting.clear()
  }
}
