import { messageOf } from '../errors.ts'
import type { TopicPartition } from '../kafka/types.ts'
import type { InstanceContext } from './instance-context.ts'

/** Deletes what nobody needs any more. It only saves room: what fails is deleted with the next ones. */
export function deleteRecords(
  { settings, logger }: InstanceContext,
  { topic, partition }: TopicPartition,
  beforeOffset: number,
): void {
  settings.kafka.admin
    .deleteRecords(topic, partition, beforeOffset)
    .catch((error) => logger.warn({ topic, partition }, messageOf(error)))
}
