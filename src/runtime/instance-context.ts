import type { CompressionChoice, KafkaProducer } from '../kafka/types.ts'
import type { Logger } from '../logger.ts'
import type { Settings } from './environment.ts'
import type { RuntimeEvent } from './events.ts'
import type { Layout } from './layout.ts'
import type { Statistics } from './statistics.ts'

/** What the parts of one running instance have in common, as soon as the topics are there. */
export interface InstanceContext {
  readonly layout: Layout
  readonly settings: Settings
  /** Of what is written. */
  readonly compression: CompressionChoice
  readonly logger: Logger
  readonly statistics: Statistics
  /** For what belongs to no transaction. */
  readonly producer: KafkaProducer
  /** Aborted when the instance is over, in whatever way. */
  readonly over: AbortSignal
  /** Tells whoever runs the instance. */
  emit(event: RuntimeEvent): void
  /** Takes what a part can't go on with; the instance decides what becomes of it. */
  failed(error: unknown): void
}
