import { isRetryable, messageOf } from '../errors.ts'
import { retry } from '../retry.ts'
import type { KafkaSettings } from './options.ts'
import { isConnectionError, kafkaErrorType } from './translate.ts'

/** A restarting cluster may not know its topics for a moment; a topic that is still unknown then does not exist. */
const unknownTopicMsMax = 30_000
/** A connection breaks now and then, and the next one opens: what takes longer is said. */
const awayMsMax = 250
/** Who answers that it is not ready is at work: leaders move, coordinators load, markers of a transaction are on their way. */
const busyMsMax = 2_000

export interface PersistOptions {
  readonly kafka: KafkaSettings
  readonly signal?: AbortSignal | undefined
  /** The first wait; default 50. The longest is 2,000. */
  readonly initialMs?: number
  readonly retryable?: (error: unknown) => boolean
}

/** Repeats what may pass until it does, with backoff, and tells an operator when it takes long and when it is over. */
export async function persist<T>(work: () => Promise<T>, options: PersistOptions): Promise<T> {
  const { clock, trouble } = options.kafka
  const startedMs = clock.now()
  let isTroubled = false
  const retrying = retry(work, {
    clock,
    policy: { initialMs: options.initialMs ?? 50, waitMsMax: 2_000 },
    ...(options.signal && { signal: options.signal }),
    retryable: (error) =>
      (options.retryable ?? isRetryable)(error) &&
      (kafkaErrorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION' || clock.now() - startedMs < unknownTopicMsMax),
    onRetry: (error) => {
      if (clock.now() - startedMs < (isConnectionError(error) ? awayMsMax : busyMsMax)) return
      if (!isTroubled) trouble.begin()
      isTroubled = true
      trouble.say(messageOf(error))
    },
  })
  try {
    const result = await retrying
    if (isTroubled) trouble.end({ answered: true })
    return result
  } catch (error) {
    if (isTroubled) trouble.end({ answered: false })
    throw error
  }
}
