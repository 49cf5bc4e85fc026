import { attribute } from './record-batch.ts'
import { encodeBatch, readRecords } from './records.ts'

export type Outcome = 'commit' | 'abort'

export interface ProducerOfMarker {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface Marker {
  readonly outcome: Outcome
  /** How much of the broker's state there was when the outcome had been decided, as an offset of its log. */
  readonly restsOnState: number
}

const kafkaValueBytes = 6

/**
 * The marker that ends a transaction in one partition. Takes one offset. Source: Kafka's `EndTransactionMarker`; what is
 * behind the fields of that is this broker's own, and clients don't look at it.
 */
export function encodeMarker(
  { outcome, restsOnState }: Marker,
  producer: ProducerOfMarker,
  timestampMs: number,
): Buffer {
  const key = Buffer.from([0, 0, 0, outcome === 'commit' ? 1 : 0]) // version, type
  const value = Buffer.alloc(kafkaValueBytes + 8) // version, coordinator epoch; state offset
  value.writeDoubleBE(restsOnState, kafkaValueBytes)
  return encodeBatch([{ key, value }], {
    timestampMs,
    attributes: attribute.transactional | attribute.control,
    ...producer,
  })
}

/** What a control batch says; undefined for kinds other than the end of a transaction. */
export function readMarker(batch: Buffer): Marker | undefined {
  const { key, value } = readRecords(batch)[0] ?? {}
  if (!key || key.length < 4) return undefined
  const kind = key.readInt16BE(2)
  if (kind !== 0 && kind !== 1) return undefined
  const says = value && value.length >= kafkaValueBytes + 8
  return {
    outcome: kind === 1 ? 'commit' : 'abort',
    restsOnState: says ? value.readDoubleBE(kafkaValueBytes) : 0,
  }
}
