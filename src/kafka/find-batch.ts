import { RivuletError } from '../errors.ts'
import { earliestOffset } from './admin.ts'
import type { Cluster } from './cluster.ts'
import { producerBatches } from './decode-fetch.ts'
import { fetchRequest } from './fetch-request.ts'
import { createErrorFromCode } from './internals.ts'
import { kafkaErrorType } from './translate.ts'
import type { TopicPartition } from './types.ts'

const limits = { waitMsMax: 0, bytesMax: 8 * 1024 * 1024, partitionBytesMax: 1024 * 1024 }

/** As its producer numbered it. */
export interface NumberedBatch {
  readonly producerId: string
  readonly producerEpoch: number
  readonly sequence: number
}

/**
 * One attempt: the offset of the batch, looked for from `fromOffset` to the end of the partition; undefined: it is not there.
 * Rejects with `KAFKA_NO_ANSWER` where that can't be told any more, as records behind `fromOffset` are deleted.
 */
export async function findBatch(
  cluster: Cluster,
  of: TopicPartition,
  { producerId, producerEpoch, sequence }: NumberedBatch,
  fromOffset: number,
  use: string,
): Promise<number | undefined> {
  const { topic, partition } = of
  const what = `Can't look for what was appended to partition ${partition} of topic ${topic}`
  let offset = fromOffset
  for (;;) {
    const { epoch: leaderEpoch } = await cluster.leaderOf(of)
    const request = fetchRequest([{ topic, partition, leaderEpoch, offset }], limits, {
      isolation: 'uncommitted',
    })
    const fetch = cluster.withLeader(of, use, what, async (link) => {
      const [fetched] = (await link.send(request)).partitions
      if (fetched?.errorCode !== 0) throw createErrorFromCode(fetched?.errorCode ?? unknownServerError)
      return fetched
    })
    const fetched = await fetch.catch(async (error) => {
      if (kafkaErrorType(error) !== 'OFFSET_OUT_OF_RANGE') throw error
      if (offset >= (await earliestOffset(cluster, of, use))) return undefined // the log lost its end
      throw new RivuletError('KAFKA_NO_ANSWER', `${what}: it is deleted by now`, { cause: error, place: of })
    })
    if (!fetched) return undefined
    for (const batch of producerBatches(fetched.batches)) {
      if (
        batch.producerId === Number(producerId) &&
        batch.producerEpoch === producerEpoch &&
        batch.sequence === sequence
      )
        return batch.baseOffset
      offset = batch.lastOffset + 1
    }
    if (offset >= fetched.highWatermark || fetched.batches.length === 0) return undefined
  }
}

const unknownServerError = -1
