import type { Kafka, KafkaAdmin, KafkaProducer } from '../../src/kafka/types.ts'
import { silentLogger } from '../../src/logger.ts'
import { type Environment, settingsOf } from '../../src/runtime/environment.ts'
import type { RuntimeEvent } from '../../src/runtime/events.ts'
import type { InstanceContext } from '../../src/runtime/instance-context.ts'
import { layOut } from '../../src/runtime/layout.ts'
import { Statistics } from '../../src/runtime/statistics.ts'
import type { Topology } from '../../src/stream/topology.ts'

/** What the parts of an instance share, where nothing lies behind it, and what they have told it. */
export async function instanceContext(
  topology: Topology,
  environment: Partial<Environment> = {},
): Promise<InstanceContext & { readonly events: RuntimeEvent[]; readonly failures: unknown[] }> {
  const admin: Pick<KafkaAdmin, 'ensureTopics' | 'deleteRecords'> = {
    ensureTopics: async (topics) => new Map(topics.map(({ name, partitions }) => [name, partitions])),
    deleteRecords: async () => {},
  }
  const events: RuntimeEvent[] = []
  const failures: unknown[] = []
  const settings = settingsOf({ kafka: { admin } as Kafka, ...environment })
  return {
    layout: await layOut(topology, '', admin as KafkaAdmin),
    settings,
    compression: 'none',
    logger: silentLogger,
    statistics: new Statistics(topology, settings.clock),
    producer: {} as KafkaProducer,
    over: new AbortController().signal,
    emit: (event) => events.push(event),
    failed: (error) => failures.push(error),
    events,
    failures,
  }
}
