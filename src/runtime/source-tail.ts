import { lastValueFrom, toArray } from 'rxjs'
import { type PlainRecord, recordsOf } from '../records/chunk.ts'
import { decodeChunk, prepareChunk } from '../serdes/decode-chunk.ts'
import type { TailRecord } from '../stream/source.ts'
import type { Topic } from '../stream/topic.ts'
import type { InstanceContext } from './instance-context.ts'
import { prepared } from './prepared.ts'

const firstStepRecords = 1_000
const stepRecordsMax = 100_000

/**
 * The records at the end of a topic, read backwards in growing steps: of each partition the newest first, the partitions
 * in turns. What can't be decoded is passed over; a topic that does not exist has nothing.
 */
export async function* tailOf<K, V>(
  context: InstanceContext,
  topic: Topic<K, V>,
): AsyncIterable<TailRecord<K, V>> {
  const { kafka } = context.settings
  const name = context.layout.topicName(topic.name)
  const chunkSerdes = { key: topic.key, value: topic.value, tombstones: false }
  if (!(await kafka.admin.partitionCounts([name])).has(name)) return
  const ranges = (await kafka.admin.offsets(name)).map((range) => ({ ...range }))
  for (let step = firstStepRecords; ranges.some(isLeft); step = Math.min(step * 4, stepRecordsMax)) {
    for (const range of ranges.filter(isLeft)) {
      const { partition, endOffset } = range
      const fromOffset = Math.max(range.lowOffset, endOffset - step)
      range.endOffset = fromOffset
      const read = kafka.read(name, partition, { fromOffset, toOffset: endOffset })
      const fetched = await lastValueFrom(read.pipe(toArray()), { defaultValue: [] })
      for (const { chunk: raw } of fetched.reverse()) {
        const options = { context, topic: name, signal: context.over }
        await prepared(() => prepareChunk(raw, chunkSerdes), options)
        const { chunk } = decodeChunk(raw, chunkSerdes)
        for (const record of recordsOf(chunk).reverse()) {
          // The topic's serdes made them.
          yield { ...(record as PlainRecord<K, V>), partition, partitions: ranges.length }
        }
      }
    }
  }
}

function isLeft({
  lowOffset,
  endOffset,
}: {
  readonly lowOffset: number
  readonly endOffset: number
}): boolean {
  return endOffset > lowOffset
}
