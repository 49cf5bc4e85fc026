import { lastValueFrom, toArray } from 'rxjs'
import { RivuletError } from '../errors.ts'
import type { PartitionRange } from '../kafka/types.ts'
import { type PlainRecord, recordsOf } from '../records/chunk.ts'
import { backoffMs, type RetryPolicy } from '../retry.ts'
import { decodeChunk, prepareChunk } from '../serdes/decode-chunk.ts'
import type { TailRecord } from '../stream/source.ts'
import type { Topic } from '../stream/topic.ts'
import type { InstanceContext } from './instance-context.ts'
import { prepared } from './prepared.ts'

const firstStepRecords = 1_000
const stepRecordsMax = 100_000
const lookPolicy: RetryPolicy = { initialMs: 10, waitMsMax: 1_000 }
/** What ends within so many looks, such as a commit of the application itself, is nothing to be told. */
const toldAfterLooks = 6
/** A little longer than Kafka lets any transaction last (`transaction.max.timeout.ms`). */
const openTransactionMsMax = 16 * 60_000

/**
 * The records at the end of a topic, which is given by its real name, read backwards in growing steps: of each partition
 * the newest first, the partitions in turns. What can't be decoded is passed over; a topic that does not exist has nothing.
 */
export async function* tailOf<K, V>(
  context: InstanceContext,
  topic: Topic<K, V>,
): AsyncIterable<TailRecord<K, V>> {
  const { kafka } = context.settings
  const { name } = topic
  const chunkSerdes = { key: topic.key, value: topic.value, tombstones: false }
  if (!(await kafka.admin.partitionCounts([name])).has(name)) return
  const ranges = (await rangesOf(context, name)).map((range) => ({ ...range }))
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

/**
 * Up to an end before which nothing is hidden of what was written by now: a transaction that some other program has open
 * on the topic hides also what was committed behind its beginning. It is waited for; Kafka ends it when its time is up.
 */
async function rangesOf(context: InstanceContext, topic: string): Promise<readonly PartitionRange[]> {
  const { settings, logger, over } = context
  const { clock, kafka } = settings
  const written = await kafka.admin.offsets(topic, 'read_uncommitted')
  const deadlineMs = clock.now() + openTransactionMsMax
  for (let looks = 1; ; looks++) {
    const ranges = await kafka.admin.offsets(topic)
    const hidden = ranges.find(({ partition, endOffset }) => {
      return written.some((end) => end.partition === partition && end.endOffset > endOffset)
    })
    if (!hidden) return ranges
    const { partition, endOffset } = hidden
    const message = `a transaction of another program is open on ${topic}/${partition} from offset ${endOffset} on, and hides what is behind it`
    if (clock.now() > deadlineMs) {
      const place = { topic, partition, offset: endOffset }
      throw new RivuletError('TIMED_OUT', message, { retryable: true, place })
    }
    if (looks === toldAfterLooks) logger.warn({ topic, partition }, `${message}: waiting for its end`)
    await clock.sleep(backoffMs(lookPolicy, looks, clock), over)
  }
}

function isLeft({ lowOffset, endOffset }: PartitionRange): boolean {
  return endOffset > lowOffset
}
