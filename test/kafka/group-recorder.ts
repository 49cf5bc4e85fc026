import type { Subscription } from 'rxjs'
import type { ConsumerEvent, ConsumerOptions, Kafka, KafkaConsumer } from '../../src/kafka/kafka.ts'

export interface GroupRecorder {
  readonly consumer: KafkaConsumer
  readonly subscription: Subscription
  readonly events: ConsumerEvent[]
  readonly values: string[]
  /** `topic/partition` of what it has at present. */
  readonly owned: Set<string>
  readonly state: { error?: unknown; completed: boolean }
}

const fast = { heartbeatIntervalMs: 100, sessionTimeoutMs: 6_000, fetchWaitMsMax: 100 }

/** A member that writes down what it sees and, unless told otherwise, lets go at once. */
export function joinGroup(
  kafka: Kafka,
  options: ConsumerOptions,
  onEvent: (event: ConsumerEvent, recorder: GroupRecorder) => void = (event) => {
    if (event.type === 'revoking') event.done()
  },
): GroupRecorder {
  const consumer = kafka.consumer({ ...fast, ...options })
  const events: ConsumerEvent[] = []
  const values: string[] = []
  const owned = new Set<string>()
  const state: GroupRecorder['state'] = { completed: false }
  const subscription = consumer.events$.subscribe({
    next: (event) => {
      events.push(event)
      if (event.type === 'fetched') {
        for (const value of event.chunk.values) values.push(value?.toString() ?? 'null')
      } else if (event.type === 'assigned') {
        for (const { topic, partition } of event.partitions) owned.add(`${topic}/${partition}`)
      } else if (event.type !== 'skipped') {
        for (const { topic, partition } of event.partitions) owned.delete(`${topic}/${partition}`)
      }
      onEvent(event, recorder)
    },
    error: (error) => {
      state.error = error
    },
    complete: () => {
      state.completed = true
    },
  })
  const recorder: GroupRecorder = { consumer, subscription, events, values, owned, state }
  return recorder
}
