import { stockTicks } from '../../../pipelines/market/tick.ts'
import { decodeRecords } from '../../../src/kafka/decode-fetch.ts'
import { encodeBatch } from '../../../src/kafka/record-batch.ts'
import type { OutgoingRecords } from '../../../src/kafka/types.ts'
import { type Stage, stageRecords, type Ticks } from './stage.ts'

/** What a producer puts into one batch. */
const batchRecords = 1_000
const starts = Array.from({ length: stageRecords / batchRecords }, (_, i) => i * batchRecords)

/** From what was fetched to values. */
export function readStages(ticks: Ticks): Stage[] {
  const outgoing = outgoingOf(ticks)
  const fetched = starts.map((from) => batchOf(outgoing, from))
  return [
    {
      name: 'take fetched batches apart',
      own() {
        for (const batches of fetched)
          decodeRecords({ topic: 'ticks', partition: 0, abortedTransactions: [], batches }, 0)
      },
    },
    {
      name: 'read a value',
      own() {
        for (const value of outgoing.values) stockTicks.value.deserialize(value as Buffer)
      },
      byHand() {
        for (const value of outgoing.values) JSON.parse((value as Buffer).toString())
      },
    },
  ]
}

/** From values to what is sent. */
export function writeStages(ticks: Ticks): Stage[] {
  const outgoing = outgoingOf(ticks)
  return [
    {
      name: 'write a value',
      own() {
        for (const tick of ticks.values) stockTicks.value.serialize(tick)
      },
      byHand() {
        for (const tick of ticks.values) Buffer.from(JSON.stringify(tick))
      },
    },
    {
      name: 'make batches to be sent',
      own() {
        for (const from of starts) batchOf(outgoing, from)
      },
    },
  ]
}

function outgoingOf({ values, timestampsMs }: Ticks): OutgoingRecords {
  return {
    keys: values.map(({ symbol }) => Buffer.from(symbol)),
    values: values.map((tick) => Buffer.from(JSON.stringify(tick))),
    timestampsMs,
  }
}

function batchOf(records: OutgoingRecords, from: number): Buffer {
  const sequence = { producerId: '1', producerEpoch: 0, sequence: from, transactional: true }
  return encodeBatch([{ records, from, to: from + batchRecords }], sequence)
}
