import { beforeEach, describe, expect, test } from 'vitest'
import type { Kafka } from '../../src/kafka/types.ts'
import { silentLogger } from '../../src/logger.ts'
import { type Running, run } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { queryable } from '../../src/stream/queryable.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import type { World } from '../../src/testing/simulation/world.ts'
import { tumbling } from '../../src/windows/windows.ts'
import { records } from '../kafka/records.ts'
import { simulatedSite } from '../support/simulated-site.ts'

const minuteMs = 60_000
const input = topic('in', { key: serdes.string, value: serdes.string })

/** Two of its stores: one keeps what it has, one forgets it. */
const app = topology('app', ({ stream }) => {
  const grouped = stream(input).groupByKey()
  const seen = grouped.count('seen')
  grouped.windowedBy(tumbling({ sizeMs: 1_000, graceMs: 0 })).count('seen lately', { retentionMs: 2_000 })
  return { seen: queryable(seen) }
})
const changelogs = ['app-seen-changelog', 'app-seen-lately-changelog']

let world: World
let kafka: Kafka
let broker: Awaited<ReturnType<typeof simulatedSite>>['broker']
let starts = 0

beforeEach(async () => {
  ;({ world, broker, kafka } = await simulatedSite())
  await work(5)
})

/** An instance comes, takes so many records, and goes. */
async function work(count: number): Promise<void> {
  const running = start()
  await world.ended(running.started, minuteMs)
  await feed(count)
  await world.ended(running.stop(), minuteMs)
}

/** On a machine without a disk of its own: there is no checkpoint. */
function start(): Running {
  const machine = world.machine(`instance-${++starts}`)
  const running = run(app, {
    kafka: simulatedKafka(world, machine, [broker.address]),
    clock: machine.clock,
    logger: silentLogger,
  })
  running.done.catch(() => undefined) // whoever waits for it is told
  return running
}

/** One after the other, each with time for a commit of its own. */
async function feed(count: number): Promise<void> {
  const producer = kafka.producer()
  for (let i = 0; i < count; i++) {
    await world.ended(producer.send('in', 0, records('a')), minuteMs)
    await world.pass(200)
  }
  await world.ended(producer.close(), minuteMs)
}

async function rangeOf(name: string) {
  const [range] = await world.ended(kafka.admin.offsets(name), minuteMs)
  return range ?? { lowOffset: 0, endOffset: 0 }
}

async function deleteRecords(name: string, beforeOffset: number): Promise<void> {
  await world.ended(kafka.admin.deleteRecords(name, 0, beforeOffset), minuteMs)
}

async function makeAnew(name: string): Promise<void> {
  await world.ended(kafka.admin.deleteTopics([name]), minuteMs)
  await world.pass(1_000)
}

describe.each(changelogs)('%s, while the program was away', (name) => {
  test.each([
    ['was deleted', () => makeAnew(name), 'was made anew, or has lost its end'],
    [
      'was emptied',
      async () => deleteRecords(name, (await rangeOf(name)).endOffset),
      'records before that at the last commit: they were deleted',
    ],
  ])('%s: the start is refused, and says what to do', async (_, meddle, why) => {
    await meddle()
    const { done } = start()
    await expect(world.ended(done, minuteMs)).rejects.toMatchObject({
      code: 'KAFKA_FAILED',
      retryable: false,
      message: expect.stringMatching(new RegExp(`${name}/0.*${why}.*rivulet reset`)),
    })
  })
})

test('a changelog that has lost its first records only is refused, too, where its store forgets nothing', async () => {
  await deleteRecords('app-seen-changelog', 1)
  await expect(world.ended(start().done, minuteMs)).rejects.toThrow('app-seen-changelog/0 begins at offset 1')
})

test('what a store has forgotten is deleted, and missed by no start', async () => {
  await deleteRecords('app-seen-lately-changelog', 1)
  await work(1)
})

test('what the very first commit has written is known, too', async () => {
  ;({ world, broker, kafka } = await simulatedSite())
  await work(1)
  await makeAnew('app-seen-changelog')
  await expect(world.ended(start().done, minuteMs)).rejects.toThrow(
    'was committed up to offset 1, but ends at 0',
  )
})

test('a changelog from which nobody has taken anything is gone on with, whatever the last commit was', async () => {
  for (const count of [0, 1, 2]) await work(count)
  const running = start()
  await world.ended(running.started, minuteMs)
  expect(running.query(app.stores.seen).get('k')).toBe(8)
})
