import { bounded, RivuletError } from '../errors.ts'
import { type Headers, lastHeader } from '../records/chunk.ts'
import type { DeadLetter } from '../stream/source.ts'
import { deadLetterTopicOf } from '../stream/topic-name.ts'
import { fitted } from './fitted-letter.ts'
import type { BadRecord, InputQueue } from './input-queue.ts'
import type { InstanceContext } from './instance-context.ts'

/** What could not be decoded, or not be written, as it goes to its dead-letter topic: its bytes, and in headers where and why. */
export interface DeadLetterRecord {
  readonly topic: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
}

/** Throws `DECODE_FAILED` where such a record must stop the program: what the application itself wrote is never given up. */
export function deadLetterOf(
  { input, partition }: Pick<InputQueue, 'input' | 'partition'>,
  { raw, index, reason, stackHash }: BadRecord,
  onDecodeError: 'dead-letter' | 'fail',
): DeadLetterRecord {
  const offset = raw.offsets[index] as number
  const { topic, node } = input
  if (onDecodeError === 'fail' || input.internal) {
    const message = `${topic}/${partition} offset ${offset} can't be decoded: ${reason}`
    throw new RivuletError('DECODE_FAILED', message, { place: { step: node.name, topic, partition, offset } })
  }
  const record = {
    key: raw.keys.at(index),
    value: raw.values.at(index),
    timestampMs: raw.timestampsMs[index] as number,
    headers: raw.headers?.[index] ?? [],
  }
  return letterOf(record, { topic, partition, offset, step: node.name }, { reason, stackHash })
}

/** Where a record lies, and which step could not take it. */
export interface LetterPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly step: string
}

/** Why a record is a dead letter. */
export interface LetterCause {
  readonly reason: string
  readonly stackHash: string
}

/** A record as it lay in its topic, as it goes to the dead letters of that. */
export function letterOf(
  record: Omit<DeadLetterRecord, 'topic'>,
  { topic, partition, offset, step }: LetterPlace,
  { reason, stackHash }: LetterCause,
): DeadLetterRecord {
  // No producer may give a time before the epoch, whatever the record had.
  const timestampMs = Math.max(0, record.timestampMs)
  const letter = { ...record, topic: deadLetterTopicOf(topic), timestampMs }
  return fitted(letter, textHeaders({ topic, partition, offset, step, reason, 'stack-hash': stackHash }))
}

/** What a source could not decode, as a record of its dead-letter topic. */
export function sourceLetterOf(
  { bytes, reason, place }: DeadLetter,
  {
    step,
    topic,
    timestampMs,
  }: { readonly step: string; readonly topic: string; readonly timestampMs: number },
): DeadLetterRecord {
  const letter = { topic, key: null, value: bytes, timestampMs, headers: textHeaders(place) }
  return fitted(letter, textHeaders({ step, reason: bounded(reason) }))
}

function textHeaders(texts: Readonly<Record<string, string | number>>): Headers {
  return Object.entries(texts).map(([name, text]) => [name, Buffer.from(String(text))])
}

const toldMax = 10

/** What an instance says of its dead letters. */
export class DeadLetters {
  readonly #context: InstanceContext
  #told = 0

  constructor(context: InstanceContext) {
    this.#context = context
  }

  /** Counts one that goes to its topic in its task's transaction. */
  count({ topic, headers }: DeadLetterRecord): void {
    const { statistics, logger, emit } = this.#context
    statistics.count('dead_letters')
    // A storm of garbage is counted, not told line by line.
    const level = ++this.#told <= toldMax ? 'warn' : 'debug'
    const [from, partition, offset, reason] = ['topic', 'partition', 'offset', 'reason'].map((name) =>
      lastHeader(headers, name)?.toString(),
    )
    logger[level]({ topic: from, partition, offset, reason }, `it can't be taken: it goes to ${topic}`)
    emit({ type: 'dead-letter', topic })
  }

  /**
   * Counts one and sends it to its topic, of a task that has no transactions. Resolves when it is there; when it can't
   * be, the instance fails.
   */
  async send(letter: DeadLetterRecord): Promise<void> {
    this.count(letter)
    const { topic, key, value, timestampMs, headers } = letter
    const records = { keys: [key], values: [value], timestampsMs: [timestampMs], headers: [headers] }
    await this.#context.producer.send(topic, 0, records)
  }
}
