import { rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  connectKafka,
  type Running,
  type RuntimeEvent,
  run,
  type StoreType,
  serdes,
  silentLogger,
  systemClock,
  topic,
  topology,
} from 'rivulet'
import { filter, firstValueFrom } from 'rxjs'

const input = topic('in', { key: serdes.string, value: serdes.string })
const output = topic('out', { key: serdes.string, value: serdes.string })

/** The newest value of each key, sent on. */
const app = topology('state', ({ stream }) => {
  const newest = stream(input)
    .groupByKey()
    .reduce('newest', (_, value) => value)
    .toStream()
  newest.mapValues((value) => value ?? '').to(output)
})

export interface RestartFigures {
  readonly storeType: StoreType
  /** From the start to the first record of output, with what the local disk has of the store. */
  readonly firstOutputMs: number
  /** From the start to a task that has read its changelog, without anything on the local disk. */
  readonly restoreMs: number
  readonly restoredRecords: number
}

/** Fills a store with so many keys, and starts its program again with and without what is on the local disk. */
export async function measureRestarts(
  broker: string,
  { keys, storeType, folder }: { keys: number; storeType: StoreType; folder: string },
): Promise<RestartFigures> {
  const kafka = connectKafka({
    brokers: [broker],
    clientId: 'state',
    clock: systemClock,
    logger: silentLogger,
  })
  const stateDir = join(folder, storeType)
  const topicPrefix = `${storeType}-`
  const start = () => run(app, { kafka, stateDir, storeType, topicPrefix, logger: silentLogger })
  await kafka.admin.ensureTopics([{ name: `${topicPrefix}in`, partitions: 1, config: {} }])
  const producer = kafka.producer()
  const produce = async (from: number, count: number) => {
    const records = Array.from({ length: count }, (_, i) => from + i)
    await producer.send(`${topicPrefix}in`, 0, {
      keys: records.map((i) => Buffer.from(`key-${String(i).padStart(12, '0')}`)),
      values: records.map((i) => Buffer.from(`${i}`.padStart(50, '.'))),
      // What is older than the topic's retention would be deleted under the reader.
      timestampsMs: records.map(() => systemClock.now()),
    })
  }
  for (let from = 0; from < keys; from += 10_000) await produce(from, Math.min(10_000, keys - from))

  const filling = start()
  await committed(filling, keys)
  await filling.stop()

  await produce(keys, 1)
  const beganMs = performance.now()
  const again = start()
  await event(again, 'committed')
  const firstOutputMs = performance.now() - beganMs
  await again.stop()

  rmSync(stateDir, { recursive: true })
  const restoreBeganMs = performance.now()
  const restoring = start()
  const { fromTopic } = await event(restoring, 'task-started')
  const restoreMs = performance.now() - restoreBeganMs
  await restoring.stop()
  await producer.close()
  await kafka.close()
  return { storeType, firstOutputMs, restoreMs, restoredRecords: fromTopic }
}

function event<T extends RuntimeEvent['type']>(
  running: Running,
  type: T,
): Promise<Extract<RuntimeEvent, { type: T }>> {
  return firstValueFrom(
    running.events$.pipe(filter((each): each is Extract<RuntimeEvent, { type: T }> => each.type === type)),
  )
}

async function committed(running: Running, offset: number): Promise<void> {
  const reached = running.events$.pipe(
    filter((each) => each.type === 'committed' && each.offsets.some((of) => of.offset >= offset)),
  )
  await firstValueFrom(reached)
}
