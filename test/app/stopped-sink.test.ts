import { interval } from 'rxjs'
import { expect, test } from 'vitest'
import { Health } from '../../src/app/health.ts'
import { createMetrics } from '../../src/app/metrics.ts'
import { createWeb } from '../../src/app/web.ts'
import { silentLogger } from '../../src/logger.ts'
import { run } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Sink } from '../../src/stream/sink.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../src/testing/simulation/world.ts'
import { MemorySink } from '../support/memory-sink.ts'

const numbers = topic('numbers', { key: serdes.string, value: serdes.long })
/** Ten come a second, and the sink takes forty. */
const comesEveryMs = 100
const rowsMax = 10
const writeMs = 250

function slow(sink: MemorySink<string, number>): Sink<string, number> {
  return {
    ...{ name: sink.name, connection: sink.connection },
    async open(_, { clock }) {
      const writer = await sink.open()
      return {
        ...writer,
        async write(batch, refuse) {
          await clock.sleep(writeMs)
          return writer.write(batch, refuse)
        },
      }
    },
  }
}

/** A program on virtual time, without a socket: a source, a topic and a sink, and what is answered of them. */
async function startedProgram() {
  const world = new World(1)
  const broker = new SimulatedBroker(world)
  await world.ended(broker.start(), 10_000)
  const machine = world.machine('program')
  const { clock } = machine
  const sink = new MemorySink<string, number>()
  const counting = topology('counting', ({ source, stream }) => {
    source('counted', ({ clock: { scheduler } }) => interval(comesEveryMs, scheduler))
      .map((value) => ['all', value])
      .to(numbers)
    stream(numbers).batch({ rowsMax, waitMsMax: 500 }).to('to memory', slow(sink))
  })
  const connections = { memory: { close: async () => {} } }
  const kafka = simulatedKafka(world, machine, broker.addresses)
  const running = run(counting, { kafka, connections, clock, logger: silentLogger })
  const health = new Health({ clock, running, connections, kafkaTrouble: () => undefined })
  const ready = () => health.check()
  const web = createWeb({
    pipeline: () => ({ ...running.status(), problems: health.problemsIn(running.status()) }),
    ready,
    metrics: createMetrics({ running, ready }).text,
    clock,
    logger: silentLogger,
  })
  await world.ended(running.started, 10_000)
  // No time passes while it answers.
  const text = async (path: string) => (await web.request(path)).text()
  return { world, sink, text }
}

/** What is told of the sink's reader at this moment, everywhere. */
async function toldOf(text: (path: string) => Promise<string>) {
  const { partitions, problems } = JSON.parse(await text('/api/pipeline'))
  const { parts } = JSON.parse(await text('/readyz'))
  const metrics = await text('/metrics')
  const metric = (name: string) => {
    const line = new RegExp(`^rivulet_partition_${name}{.*reader="to memory"} (.*)$`, 'm').exec(metrics)
    return line ? Number(line[1]) : null
  }
  return {
    pipeline: partitions[0].readers[0],
    problem: problems.map(({ what, advice }: Record<string, string>) => `${what} ${advice}`).join('\n'),
    part: parts.find(({ kind }: { kind: string }) => kind === 'reader'),
    metrics: { lag: metric('lag_records'), seconds: metric('lag_seconds'), soon: metric('catch_up_seconds') },
  }
}

test('a sink that stands for a minute, and catches up: all say so within five seconds, and how long it takes', async () => {
  const { world, sink, text } = await startedProgram()
  const told = () => toldOf(text)
  await world.pass(20_000)
  expect(await told()).toMatchObject({ problem: '', part: { state: 'ready', reason: null } })

  sink.hold()
  await world.pass(5_000)
  const early = await told()
  expect(early.part).toMatchObject({
    state: 'behind',
    reason: expect.stringMatching(/the first .* for 5 s$/),
  })
  expect(early.problem).toMatch(
    /^A write of the sink "to memory" does not come to an end \(\d+ records waiting\)/,
  )
  expect(early.pipeline).toMatchObject({ lag: early.metrics.lag, catches_up_in_seconds: null })
  expect(early.metrics).toMatchObject({ seconds: early.pipeline.lag_seconds, soon: null })
  expect(early.pipeline.lag_seconds).toBeGreaterThan(4)

  await world.pass(55_000)
  const late = await told()
  expect(late.pipeline.lag_seconds).toBeGreaterThan(59)
  expect(late.metrics.lag).toBeGreaterThan(10 * (early.metrics.lag ?? 0))
  expect(late.part.reason).toMatch(/^\d+ records are not processed, the first of them for 6\d s$/)

  sink.release()
  await world.pass(5_000)
  const soon = await told()
  const { catches_up_in_seconds: seconds } = soon.pipeline
  expect(soon.metrics.soon).toBe(seconds)
  expect(soon.part.reason).toContain(`caught up in ${Math.ceil(seconds)} s as it goes now`)
  expect(soon.problem).toMatch(/^The sink "to memory" is behind and catches up/)
  expect(soon.problem).toContain(`it has caught up in ${Math.ceil(seconds)} s`)

  const isCaughtUp = async () => (await told()).part.state === 'ready'
  let passedMs = 0
  for (; !(await isCaughtUp()); passedMs += 1_000) await world.pass(1_000)
  expect(passedMs / 1_000).toBeGreaterThan(0.5 * seconds)
  expect(passedMs / 1_000).toBeLessThan(1.5 * seconds)
  expect((await told()).problem).toBe('')
})
