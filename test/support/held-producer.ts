import type { KafkaProducer, OutgoingRecords, Refused } from '../../src/kafka/types.ts'

/** What was sent, as keys, and its answer, which the test gives. */
export interface HeldSend {
  readonly topic: string
  readonly partition: number
  readonly keys: readonly string[]
  readonly records: OutgoingRecords
  /** Told of what is refused for good; undefined: nobody decides. */
  readonly refused: Refused | undefined
  acknowledge(): void
  refuse(error: unknown): void
}

/** A producer that answers nothing by itself. */
export function heldProducer(): KafkaProducer & { readonly sent: HeldSend[] } {
  const sent: HeldSend[] = []
  return {
    sent,
    bytesInFlight: 0,
    ready: async () => {},
    close: async () => {},
    send: (topic, partition, records, refused) =>
      new Promise((resolve, refuse) => {
        const keys = records.keys.map(String)
        sent.push({
          topic,
          partition,
          keys,
          records,
          refused,
          acknowledge: () => resolve({ baseOffset: 0 }),
          refuse,
        })
      }),
  }
}
