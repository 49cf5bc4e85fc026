import type { KafkaAdmin } from '../kafka/types.ts'
import type { Destination } from './destination.ts'
import type { InstanceContext } from './instance-context.ts'
import type { OutgoingTopic } from './outgoing-topic.ts'
import { prepared } from './prepared.ts'

type AnyDestination = Destination<unknown, unknown>

export interface OpenOptions {
  readonly context: Pick<InstanceContext, 'settings' | 'logger'>
  /** Aborted: nobody waits any more. */
  readonly signal: AbortSignal
}

/**
 * Opens them all: finds out how many partitions the topics have that records chose, making those that are missing, and
 * lets serdes prepare until they can. Rejects when a topic can't be made, or a serde never will be prepared; or with the
 * signal's reason.
 */
export async function openDestinations(
  destinations: readonly AnyDestination[],
  { context, signal }: OpenOptions,
): Promise<void> {
  const unknown = destinations.map(({ topic }) => topic).filter(({ partitions }) => partitions === undefined)
  if (unknown.length > 0) await countPartitions(new Set(unknown), context.settings.kafka.admin)
  await Promise.all(
    destinations.map((destination) =>
      prepared(() => destination.prepare(), { context, signal, topic: destination.topic.name }),
    ),
  )
}

async function countPartitions(
  topics: ReadonlySet<OutgoingTopic>,
  admin: Pick<KafkaAdmin, 'ensureTopics'>,
): Promise<void> {
  const missing = [...topics].map(({ name }) => ({ name, partitions: 1, config: { 'retention.ms': '-1' } }))
  const counts = await admin.ensureTopics(missing)
  for (const topic of topics) topic.partitions = counts.get(topic.name)
}
