import type { PartitionLog } from '../log/partition-log.ts'
import type { AbortedTransaction } from '../log/producer-state.ts'
import { errorCodes, type KafkaErrorCode } from '../protocol/error-codes.ts'
import {
  type Api,
  ledLog,
  mapPartitions,
  noThrottleMs,
  type OfTopic,
  readTopics,
  type Services,
  writeTopics,
} from './api.ts'
import { checkEpoch } from './epochs.ts'

interface Wanted {
  readonly partition: number
  /** In which the client believes the leader to be; −1: it does not know. */
  readonly leaderEpoch: number
  readonly offset: number
  readonly bytesMax: number
}

interface Limits {
  readonly bytesMin: number
  readonly bytesMax: number
  readonly committed: boolean
}

interface Fetched {
  readonly partition: number
  readonly errorCode: KafkaErrorCode
  readonly highWatermark: number
  readonly stableOffset: number
  readonly startOffset: number
  readonly aborted: readonly AbortedTransaction[]
  readonly records: Buffer
}

const noRecords = Buffer.alloc(0)

/** What each version has added. */
const since = { startOffset: 5, session: 7, leaderEpoch: 9, preferredReplica: 11 } as const

export const fetch: Api = {
  name: 'Fetch',
  key: 1,
  version: 4,
  versionMax: 11,
  async serve(reader, services, { signal, version }) {
    reader.int32() // Replica: clients are none.
    const waitMsMax = reader.int32()
    const limits: Limits = {
      bytesMin: reader.int32(),
      bytesMax: Math.min(reader.int32(), services.fetchBytesMax),
      committed: reader.int8() === 1,
    }
    if (version >= since.session) {
      reader.int32() // Session: there are none, so that everybody asks in full.
      reader.int32()
    }
    const topics = readTopics(reader, (): Wanted => {
      const partition = reader.int32()
      const leaderEpoch = version >= since.leaderEpoch ? reader.int32() : -1
      const offset = reader.int64()
      if (version >= since.startOffset) reader.int64() // Log start, of followers.
      return { partition, leaderEpoch, offset, bytesMax: reader.int32() }
    })

    let fetched = fetchOnce(topics, limits, services)
    if (!isEnough(fetched, limits.bytesMin) && waitMsMax > 0) {
      fetched = await longPoll(topics, limits, services, { waitMsMax, signal })
    }
    return (writer) => {
      writer.int32(noThrottleMs)
      if (version >= since.session) writer.int16(errorCodes.none).int32(0)
      writeTopics(writer, fetched, (each) => {
        writer.int32(each.partition).int16(each.errorCode).int64(each.highWatermark).int64(each.stableOffset)
        if (version >= since.startOffset) writer.int64(each.startOffset)
        writer.array(each.aborted, ({ producerId, firstOffset }) =>
          writer.int64(producerId).int64(firstOffset),
        )
        if (version >= since.preferredReplica) writer.int32(-1) // None.
        writer.records(each.records)
      })
    }
  },
}

function fetchOnce(
  topics: readonly OfTopic<Wanted>[],
  limits: Limits,
  services: Services,
): OfTopic<Fetched>[] {
  let leftBytes = limits.bytesMax
  return mapPartitions(topics, ({ partition, leaderEpoch, offset, bytesMax }, topic) => {
    try {
      const log = ledLog(services, topic, partition)
      checkEpoch(log, leaderEpoch)
      // The first batch of an answer may be larger than the limit: else a consumer would be stuck before it.
      const allowedBytes = Math.min(bytesMax, leftBytes)
      const slice = leftBytes > 0 ? log.read(offset, allowedBytes, limits.committed) : undefined
      const records = slice?.bytes ?? noRecords
      leftBytes -= records.length
      return {
        partition,
        errorCode: errorCodes.none,
        ...offsetsOf(log),
        aborted: slice && limits.committed ? log.abortedIn(offset, slice.nextOffset) : [],
        records,
      }
    } catch (error) {
      return { ...refused, partition, errorCode: services.faults.codeOf(error) }
    }
  })
}

const refused = { highWatermark: -1, stableOffset: -1, startOffset: -1, aborted: [], records: noRecords }

function offsetsOf(log: PartitionLog) {
  return {
    highWatermark: log.highWatermark,
    stableOffset: log.lastStableOffset,
    startOffset: log.startOffset,
  }
}

/** An error is told at once. */
function isEnough(fetched: readonly OfTopic<Fetched>[], bytesMin: number): boolean {
  let bytes = 0
  for (const { partitions } of fetched) {
    for (const { errorCode, records } of partitions) {
      if (errorCode !== errorCodes.none) return true
      bytes += records.length
    }
  }
  return bytes >= bytesMin
}

/** Waits until there is enough in the logs, or the time is up, and answers with what there is then. */
async function longPoll(
  topics: readonly OfTopic<Wanted>[],
  limits: Limits,
  services: Services,
  { waitMsMax, signal }: { readonly waitMsMax: number; readonly signal: AbortSignal },
): Promise<OfTopic<Fetched>[]> {
  const cleanUp: (() => void)[] = []
  const fetched = await new Promise<OfTopic<Fetched>[]>((resolve) => {
    const timer = services.clock.scheduler.schedule(
      () => resolve(fetchOnce(topics, limits, services)),
      waitMsMax,
    )
    const gone = () => resolve([])
    signal.addEventListener('abort', gone)
    cleanUp.push(
      () => timer.unsubscribe(),
      () => signal.removeEventListener('abort', gone),
    )
    let looking = false
    const look = () => {
      looking = false
      const now = fetchOnce(topics, limits, services)
      if (isEnough(now, limits.bytesMin)) resolve(now)
    }
    const appended = () => {
      if (looking) return
      looking = true
      // One request may append to many partitions: look when it is done.
      queueMicrotask(look)
    }
    for (const { topic, partitions } of topics) {
      for (const { partition } of partitions) {
        const log = services.topics.get(topic)?.partitions[partition]
        if (log) cleanUp.push(log.onMore(appended))
      }
    }
  })
  for (const each of cleanUp) each()
  return fetched
}
