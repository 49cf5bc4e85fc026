import { defer, filter, map, switchMap } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../../src/serdes/serdes.ts'
import type { Source, SourceContext } from '../../../src/stream/source.ts'
import { topic } from '../../../src/stream/topic.ts'
import { type Topology, topology } from '../../../src/stream/topology.ts'
import type { Feed, FeedMessage } from '../../../src/testing/simulation/feed.ts'
import { type SimulateOptions, simulate } from '../../../src/testing/simulation/simulate.ts'

const output = topic('out', { key: serdes.string, value: serdes.long, partitions: 2 })
const keys = ['a', 'b', 'c']

const options: Omit<SimulateOptions, 'seeds'> = {
  messages: (random) =>
    Array.from({ length: 40 }, () => ({
      value: keys[Math.floor(random() * keys.length)],
      atMs: Math.floor(random() * 15_000),
    })),
}

const keyed = { key: ({ value }: FeedMessage) => String(value) }

/** Goes on so many messages behind its position. */
function placed(feed: Feed, leftOut = 0): Topology {
  const source: Source<FeedMessage> = ({ position }) =>
    feed.messages(typeof position === 'number' ? position : 0)
  return topology('placed', (declare) => {
    declare
      .source('feed', source, { ...keyed, position: ({ number }) => number + 1 + leftOut })
      .mapValues(({ number }) => number)
      .to(output)
  })
}

/** Goes on behind the newest record of each key. */
function tailing(feed: Feed): Topology {
  const source: Source<FeedMessage> = (context) =>
    defer(() => lastNumbers(context)).pipe(
      switchMap((last) => {
        const behind = (key: string) => (last.get(key) ?? -1) + 1
        return feed
          .messages(Math.min(...keys.map(behind)))
          .pipe(filter(({ number, value }) => number >= behind(String(value))))
      }),
    )
  return topology('tailing', (declare) => {
    declare
      .source('feed', source, keyed)
      .mapValues(({ number }) => number)
      .to(output)
  })
}

async function lastNumbers({ tail }: SourceContext): Promise<ReadonlyMap<string, number>> {
  const last = new Map<string, number>()
  for await (const { key, value } of tail(output)) if (!last.has(key)) last.set(key, value)
  return last
}

/** Forgets what it has sent once it hears of it. */
function forgetting(feed: Feed): Topology {
  const source = defer(() => feed.messages()).pipe(
    map((message) => {
      feed.acknowledge(message.number + 1)
      return message
    }),
  )
  return topology('forgetting', (declare) => {
    declare
      .source('feed', source, keyed)
      .mapValues(({ number }) => number)
      .to(output)
  })
}

async function brokenInvariant(simulating: Promise<unknown>): Promise<string> {
  return simulating.then(
    () => 'none',
    ({ cause }) => cause.broken[0].invariant,
  )
}

describe('a simulated source', { timeout: 120_000 }, () => {
  test('is held to what the test driver makes of what its feed sends', async () => {
    expect((await simulate((feed) => placed(feed), { ...options, seeds: 5 })).seeds).toBe(5)
    expect((await simulate((feed) => tailing(feed), { ...options, seeds: 5 })).seeds).toBe(5)
  })

  test('is not passed where it goes on behind what is on its topic', async () => {
    const faults = { kill: 12 }
    const held = simulate((feed) => placed(feed, 1), { ...options, faults, seeds: 5 })
    expect(await brokenInvariant(held)).toBe('values keep their order')
  })

  test('is not passed where it goes on before what is on its topic, unless it may emit again', async () => {
    const faults = { kill: 12 }
    const of = (feed: Feed) => placed(feed, -2)
    const once = simulate(of, { ...options, faults, seeds: 3 })
    expect(await brokenInvariant(once)).toBe('each input is applied once')
    const again = await simulate(of, { ...options, faults, seeds: 3, outputs: 'at-least-once' })
    expect(again.seeds).toBe(3)
  })

  test('is not passed where it acknowledges what is not in Kafka', async () => {
    const faults = { kill: 40 }
    const outputs = 'at-least-once'
    const held = simulate(forgetting, { ...options, faults, outputs, instances: 1, seeds: 10 })
    expect(await brokenInvariant(held)).toBe('values keep their order')
  })

  test('is the only one of its topology where its feed has something to send', async () => {
    const none = topology('none', ({ stream }) => stream(output).to(topic('copy', output)))
    await expect(simulate(none, { ...options, seeds: 1 })).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })
})
