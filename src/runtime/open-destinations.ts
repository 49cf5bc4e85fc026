import { messageOf } from '../errors.ts'
import type { KafkaAdmin } from '../kafka/types.ts'
import { retry } from '../retry.ts'
import type { Destination } from './destination.ts'
import type { InstanceContext } from './instance-context.ts'
import type { OutgoingTopic } from './outgoing-topic.ts'

type AnyDestination = Destination<unknown, unknown>

const PREPARE_RETRY = { initialMs: 500, maxMs: 30_000 }

/**
 * Opens them all: finds out how many partitions the topics have that records chose, making those that are missing, and
 * lets serdes prepare until they can. Rejects when a topic can't be made, or with the signal's reason.
 */
export async function openDestinations(
  destinations: readonly AnyDestination[],
  { settings, logger }: Pick<InstanceContext, 'settings' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  const unknown = destinations.map(({ topic }) => topic).filter(({ partitions }) => partitions === undefined)
  if (unknown.length > 0) await countPartitions(new Set(unknown), settings.kafka.admin)
  const prepare = (destination: AnyDestination) =>
    retry(() => destination.prepare(), {
      clock: settings.clock,
      policy: PREPARE_RETRY,
      signal,
      retryable: () => true,
      onRetry: (error, attempt, waitMs) => {
        const place = { topic: destination.topic.name, attempt, waitMs: Math.round(waitMs) }
        logger.warn(place, `can't be written to yet: ${messageOf(error)}`)
      },
    })
  await Promise.all(destinations.map(prepare))
}

async function countPartitions(
  topics: ReadonlySet<OutgoingTopic>,
  admin: Pick<KafkaAdmin, 'ensureTopics'>,
): Promise<void> {
  const missing = [...topics].map(({ name }) => ({ name, partitions: 1, config: { 'retention.ms': '-1' } }))
  const counts = await admin.ensureTopics(missing)
  for (const topic of topics) topic.partitions = counts.get(topic.name)
}
