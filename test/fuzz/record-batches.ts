import { RivuletError } from '../../src/errors.ts'
import { decodeFetchResponse, decodeRecords } from '../../src/kafka/decode-fetch.ts'
import { encodeBatch } from '../../src/kafka/record-batch.ts'
import { Dice } from './support/dice.ts'
import { withInput } from './support/fuzz-target.ts'

export const name = 'record-batches'

/** What a foreign Kafka answers is read as columns of equal length, behind what was asked for, or refused. */
export async function run(random: () => number): Promise<void> {
  const dice = new Dice(random)
  const batches = Buffer.concat([batch(dice), batch(dice)])
  const input = dice.chance(0.5) ? Buffer.concat([dice.mutated(batches)]) : dice.mutated(batches)
  const fetchOffset = dice.int(4)
  await withInput(input, () => {
    refusing(() => checkRecords(input, fetchOffset, dice))
    refusing(() => decodeFetchResponse(input))
  })
}

function checkRecords(batches: Buffer, fetchOffset: number, dice: Dice): void {
  const abortedTransactions = dice.list(2, () => ({ producerId: dice.int(3), firstOffset: dice.int(4) }))
  const fetched = { topic: 't', partition: 0, errorCode: 0, endOffset: 9, abortedTransactions, batches }
  const { keys, values, timestampsMs, offsets, headers, nextOffset } = decodeRecords(fetched, fetchOffset)
  const counts = [values.length, timestampsMs.length, offsets.length, headers?.length ?? keys.length]
  if (counts.some((count) => count !== keys.length)) throw new Error(`columns of ${keys.length}, ${counts}`)
  if (!Number.isSafeInteger(nextOffset) || nextOffset < fetchOffset)
    throw new Error(`goes on at ${nextOffset}`)
  for (let i = 0; i < keys.length; i++) {
    const [key, value] = [keys.at(i), values.at(i)]
    if ((key?.length ?? 0) + (value?.length ?? 0) > 2 * batches.length) throw new Error('more than was sent')
    const offset = offsets[i]
    if (offset === undefined || !(offset >= fetchOffset)) throw new Error(`offset ${offset}`)
    if (!Number.isFinite(timestampsMs[i])) throw new Error(`time ${timestampsMs[i]}`)
  }
}

function batch(dice: Dice): Buffer {
  const count = 1 + dice.int(4)
  const each = <T>(item: () => T) => Array.from({ length: count }, item)
  const text = () => (dice.chance(0.2) ? null : dice.bytes(dice.int(20)))
  const records = {
    keys: each(text),
    values: each(text),
    timestampsMs: each(() => dice.int(2 ** 31)),
    headers: each(() => (dice.chance(0.5) ? [['h', text()] as const] : undefined)),
  }
  const identity = { producerId: '1', producerEpoch: 0, sequence: 0, transactional: dice.chance(0.3) }
  return encodeBatch([{ records, from: 0, to: count }], identity)
}

/** A refusal is an error of ours. */
function refusing(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error
  }
}
