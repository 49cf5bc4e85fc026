import { type ErrorPlace, messageOf, RivuletError } from '../errors.ts'

/** What the cluster does next time is different: ask it again who leads or coordinates. */
const staleErrors = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'REPLICA_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'NOT_CONTROLLER',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'LISTENER_NOT_FOUND',
])

const fencedErrors = new Set([
  'INVALID_PRODUCER_EPOCH',
  'TRANSACTION_COORDINATOR_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  // Of a transaction: its producer begins anew, with another epoch.
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
])

const connectionErrors = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSLockTimeout',
])

const missingTopic =
  'the topic was deleted, or never made: a program that runs makes only those of its own that are missing when it starts'
const missingPermission = "Kafka's ACLs do not let this user do that"

/** What Kafka's own words leave an operator to guess. */
const hints: ReadonlyMap<string, string> = new Map([
  ['UNKNOWN_TOPIC_OR_PARTITION', missingTopic],
  ['TOPIC_AUTHORIZATION_FAILED', missingPermission],
  ['GROUP_AUTHORIZATION_FAILED', missingPermission],
  ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', missingPermission],
  ['CLUSTER_AUTHORIZATION_FAILED', missingPermission],
  [
    'INVALID_TIMESTAMP',
    'its time lies further ahead than the topic allows (`message.timestamp.after.max.ms`, by default an hour): is it garbage, or is a clock wrong?',
  ],
])

/** Kafka's name for what went wrong, such as `NOT_LEADER_FOR_PARTITION`, of an error of kafkajs or of ours. */
export function kafkaErrorType(error: unknown): string | undefined {
  if (error instanceof RivuletError) return kafkaErrorType(error.cause)
  const type = propertyOf(innermost(error), 'type')
  return typeof type === 'string' ? type : undefined
}

/** The connection is broken or silent: it must not be used again. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof RivuletError) return error.code === 'KAFKA_UNREACHABLE' || isUnanswered(error)
  return error instanceof Error && connectionErrors.has(error.name)
}

/**
 * A request was sent, and its answer did not come: whether it was heard, or will be, is not known. A connection that could
 * not be opened is no such case.
 */
export function isUnanswered(error: unknown): boolean {
  return error instanceof RivuletError && error.code === 'KAFKA_NO_ANSWER'
}

/** What the end of a connection means to a request that was sent on it. */
export function translateSent(error: unknown, what: string): RivuletError {
  const translated = translate(error, what)
  if (translated.code !== 'KAFKA_UNREACHABLE') return translated
  const { message, retryable, place } = translated
  return new RivuletError('KAFKA_NO_ANSWER', message, { cause: error, retryable, place })
}

/** The answer came from a node that is no longer (or not yet) the right one. */
export function isStale(error: unknown): boolean {
  return staleErrors.has(kafkaErrorType(error) ?? '')
}

/**
 * `what` begins the sentence: "Can't append to topic ticks". `KAFKA_UNREACHABLE` and whatever Kafka calls retriable may
 * pass; `KAFKA_FENCED` means that somebody else has taken over.
 */
export function translate(error: unknown, what: string, place: ErrorPlace = {}): RivuletError {
  if (error instanceof RivuletError) return error
  const type = kafkaErrorType(error)
  const hint = hints.get(type ?? '')
  const words = `${messageOf(innermost(error))}${type ? ` (${type})` : ''}`
  const message = `${what}: ${words}${hint ? `; ${hint}` : ''}`
  if (isConnectionError(error)) {
    return new RivuletError('KAFKA_UNREACHABLE', message, { cause: error, retryable: true, place })
  }
  if (type !== undefined && fencedErrors.has(type)) {
    return new RivuletError('KAFKA_FENCED', message, { cause: error, place })
  }
  const retryable = propertyOf(innermost(error), 'retriable') === true && type !== undefined
  return new RivuletError('KAFKA_FAILED', message, { cause: error, retryable, place })
}

/** kafkajs wraps the errors of some answers: of several topics, or of several partitions. One is enough. */
function innermost(error: unknown): unknown {
  const topics = propertyOf(error, 'errors')
  const partitions = propertyOf(error, 'partitions')
  if (Array.isArray(topics)) return topics[0]
  if (Array.isArray(partitions)) return propertyOf(partitions[0], 'error')
  return error
}

function propertyOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}
