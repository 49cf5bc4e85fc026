import { VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'
import { createClock } from '../../src/clock.ts'
import type { PartitionOffset } from '../../src/kafka/types.ts'
import { ShownOffsets } from '../../src/runtime/shown-offsets.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'

const app = topology('passing', ({ stream }) => {
  stream(topic('in', { key: serdes.string, value: serdes.string })).to(
    topic('out', { key: serdes.string, value: serdes.string }),
  )
})

async function shownOffsets(commit: () => Promise<void>) {
  const scheduler = new VirtualTimeScheduler()
  const context = await instanceContext(app, { clock: createClock(scheduler) })
  const commits: { readonly atMs: number; readonly offsets: readonly PartitionOffset[] }[] = []
  const shown = new ShownOffsets(context, {
    commit: (offsets) => {
      commits.push({ atMs: scheduler.now(), offsets })
      return commit()
    },
  })
  return { shown, scheduler, commits }
}

const at = (partition: number, offset: number) => ({ topic: 'in', partition, offset })

test('the latest offset of each partition is shown, a second after the first', async () => {
  const { shown, scheduler, commits } = await shownOffsets(async () => {})
  for (const offset of [at(0, 5), at(1, 7), at(0, 9)]) shown.show(offset)
  scheduler.flush()
  expect(commits).toEqual([{ atMs: 1_000, offsets: [at(0, 9), at(1, 7)] }])
  shown.show(at(0, 10))
  scheduler.flush()
  expect(commits[1]?.offsets).toEqual([at(0, 10)])
})

test('nobody waits for more than a second until they are shown', async () => {
  const { shown, scheduler } = await shownOffsets(() => new Promise(() => {}))
  shown.show(at(0, 5))
  const flushed = shown.flush()
  scheduler.flush()
  await flushed
  expect(scheduler.now()).toBe(1_000)
})

test('what was dropped is never shown', async () => {
  const { shown, scheduler, commits } = await shownOffsets(async () => {})
  shown.show(at(0, 5))
  shown.drop()
  scheduler.flush()
  await shown.flush()
  expect(commits).toEqual([])
})
