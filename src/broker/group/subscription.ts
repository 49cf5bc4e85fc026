import { MalformedRequest, Reader } from '../protocol/reader.ts'

/**
 * The topics in what a consumer says of itself when it joins; undefined where nothing of that kind is said. Source: Kafka
 * `ConsumerProtocolSubscription`.
 */
export function subscribedTopics(metadata: Buffer): string[] | undefined {
  const reader = new Reader(metadata)
  try {
    reader.int16() // Version.
    return reader.array(() => reader.string())
  } catch (error) {
    if (error instanceof MalformedRequest) return undefined
    throw error
  }
}
