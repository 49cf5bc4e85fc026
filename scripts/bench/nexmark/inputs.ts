import type { Kafka, KafkaProducer } from 'rivulet'
import { serdes } from 'rivulet'
import { eventAt, type NexmarkEvent } from './events.ts'
import type { EventRange } from './final-results.ts'
import { keyOf, nexmarkTopics } from './topics.ts'

type Kind = NexmarkEvent['kind']

/** How many records each input topic has. */
export type InputCounts = Readonly<Record<Kind, number>>

/** As a busy source would send them. */
const batchRecords = 1_000

/** Makes the input topics and fills them. */
export async function produceEvents(
  kafka: Kafka,
  prefix: string,
  { events, eventsPerS }: EventRange,
): Promise<InputCounts> {
  const topics = nexmarkTopics(prefix)
  await kafka.admin.ensureTopics(Object.values(topics))
  const producer = kafka.producer()
  const batches: Record<Kind, NexmarkEvent[]> = { person: [], auction: [], bid: [] }
  const counts = { person: 0, auction: 0, bid: 0 }
  const sent: Promise<unknown>[] = []
  const send = (kind: Kind) => {
    sent.push(sendBatch(producer, topics[kind].name, batches[kind]))
    counts[kind] += batches[kind].length
    batches[kind] = []
  }
  for (let i = 0; i < events; i++) {
    const event = eventAt(i, eventsPerS)
    batches[event.kind].push(event)
    if (batches[event.kind].length < batchRecords) continue
    await producer.ready()
    send(event.kind)
  }
  for (const kind of ['person', 'auction', 'bid'] as const) if (batches[kind].length > 0) send(kind)
  await Promise.all(sent)
  await producer.close()
  return counts
}

function sendBatch(
  producer: KafkaProducer,
  topic: string,
  events: readonly NexmarkEvent[],
): Promise<unknown> {
  return producer.send(topic, 0, {
    keys: events.map((event) => serdes.long.serialize(keyOf(event))),
    values: events.map(({ value }) => Buffer.from(JSON.stringify(value))),
    timestampsMs: events.map(({ value }) => value.dateTime),
  })
}
