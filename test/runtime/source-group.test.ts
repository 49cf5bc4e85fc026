import { interval, NEVER, Observable, startWith } from 'rxjs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { silentLogger } from '../../src/logger.ts'
import { type Running, run } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Source } from '../../src/stream/source.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const output = topic('out', { key: serdes.string, value: serdes.long, partitions: 3 })

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

/** The numbers below this one, from where the last start came to; says which instances run it. */
function counting(below: () => number, running: Set<string>, instance: string): Source<number> {
  return ({ position, paused$ }) =>
    new Observable((subscriber) => {
      running.add(instance)
      let next = typeof position === 'number' ? position : 0
      let isPaused = false
      const go = () => {
        for (; !isPaused && next < below(); next++) subscriber.next(next)
      }
      subscriber.add(
        paused$.subscribe((now) => {
          isPaused = now
        }),
      )
      subscriber.add(interval(5).subscribe(go))
      return () => running.delete(instance)
    })
}

const appOf = (sources: Readonly<Record<string, Source<number>>>) =>
  topology('counting', ({ source }) => {
    for (const [name, numbers] of Object.entries(sources)) {
      source(name, numbers, { key: (n) => `k${n % 7}`, position: (n) => n + 1 }).to(
        `to out, of ${name}`,
        output,
      )
    }
  })

const statesOf = (running: Running) => running.status().sources.map(({ state }) => state)
const numbers = async () => (await rig.read(output)).map(({ value }) => value).toSorted((a, b) => a - b)
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

test('one instance runs a source; when it stops another one goes on at its position, in topics of many partitions', async () => {
  const owners = new Set<string>()
  let below = 100
  const start = (name: string) => rig.run(appOf({ numbers: counting(() => below, owners, name) }))
  const instances = new Map(['a', 'b'].map((name) => [name, start(name)]))
  await Promise.all([...instances.values()].map(({ started }) => started))
  await vi.waitFor(async () => expect(await numbers()).toEqual(upTo(100)), 10_000)
  expect(owners.size).toBe(1)
  const [owner] = owners
  await instances.get(owner ?? '')?.stop()
  below = 200
  await vi.waitFor(async () => expect(await numbers()).toEqual(upTo(200)), 10_000)
  expect([owners.size, owners.has(owner ?? '')]).toEqual([1, false])
})

test('several sources are shared out evenly, and each instance shows who has which', async () => {
  const owners = { one: new Set<string>(), two: new Set<string>() }
  const start = (name: string) =>
    rig.run(
      appOf({
        one: counting(() => 0, owners.one, name),
        two: counting(() => 0, owners.two, name),
      }),
    )
  const [a, b] = [start('a'), start('b')]
  await vi.waitFor(
    () => expect([[...owners.one], [...owners.two]].flat().toSorted()).toEqual(['a', 'b']),
    10_000,
  )
  await vi.waitFor(() => {
    const [first, second] = [a.status().sources, b.status().sources]
    expect(first.map(({ owner }) => owner)).toEqual(second.map(({ owner }) => owner))
    expect(new Set(first.map(({ owner }) => owner)).size).toBe(2)
    expect(first[0]?.owner).toMatch(/^test-.*@127\.0\.0\.1$/)
    expect([statesOf(a).toSorted(), statesOf(b).toSorted()]).toEqual([
      ['connecting', 'elsewhere'],
      ['connecting', 'elsewhere'],
    ])
  }, 15_000)
  await a.stop()
  expect(statesOf(a)).toEqual(['stopped', 'stopped'])
})

test('an instance that is told to run no sources leaves them to the others', async () => {
  const owners = new Set<string>()
  const app = appOf({ numbers: counting(() => 10, owners, 'any') })
  const idle = run(app, { kafka: rig.kafka, logger: silentLogger, sources: false })
  await idle.started
  expect(idle.ready()).toEqual({ ready: true })
  const other = rig.run(app)
  await vi.waitFor(async () => expect(await numbers()).toEqual(upTo(10)), 10_000)
  await Promise.all([idle.stop(), other.stop()])
})

test('a position that JSON would not give back as it is ends the program, before anything is committed', async () => {
  const app = topology('placing', ({ source }) => {
    source('places', NEVER.pipe(startWith(5)), { key: () => 'k', position: () => ({ at: new Date(5) }) }).to(
      output,
    )
  })
  const message = expect.stringMatching(/^the position of the source "places" can't be written: /)
  await expect(rig.run(app).done).rejects.toMatchObject({ code: 'ENCODE_FAILED', message })
  expect(await rig.read(output)).toEqual([])
})
