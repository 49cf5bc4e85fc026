import { RivuletError } from '../errors.ts'
import type { Headers } from '../stream/chunk.ts'
import type { BadRecord, InputQueue } from './input-queue.ts'
import { deadLetterTopicOf } from './layout.ts'

/** A record that could not be decoded, as it goes to its dead-letter topic: its bytes, and in headers where and why. */
export interface DeadLetterRecord {
  readonly topic: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
}

/** Throws `DECODE_FAILED` where such a record must stop the program: what the application itself wrote is never given up. */
export function deadLetterOf(
  { input, partition }: InputQueue,
  { raw, index, reason }: BadRecord,
  onDecodeError: 'dead-letter' | 'fail',
): DeadLetterRecord {
  const offset = raw.offsets[index] as number
  const { topic, node } = input
  if (onDecodeError === 'fail' || input.internal) {
    const message = `${topic}/${partition} offset ${offset} can't be decoded: ${reason}`
    throw new RivuletError('DECODE_FAILED', message, { place: { step: node.name, topic, partition, offset } })
  }
  return {
    topic: deadLetterTopicOf(topic),
    key: raw.keys.at(index) ?? null,
    value: raw.values.at(index) ?? null,
    timestampMs: raw.timestampsMs[index] as number,
    headers: {
      ...raw.headers?.[index],
      topic: Buffer.from(topic),
      partition: Buffer.from(String(partition)),
      offset: Buffer.from(String(offset)),
      step: Buffer.from(node.name),
      reason: Buffer.from(reason),
    },
  }
}
