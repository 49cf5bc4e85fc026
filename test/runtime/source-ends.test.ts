import { concat, defer, NEVER, of, throwError } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RivuletError } from '../../src/errors.ts'
import type { RuntimeEvent } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Source } from '../../src/stream/source.ts'
import { topic } from '../../src/stream/topic.ts'
import { type SourceOptions, topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const text = { key: serdes.string, value: serdes.string }
const [middle, output] = [topic('middle', text), topic('out', text)]

const appOf = (source: Source<string>, options: Partial<SourceOptions<string, string>> = {}) =>
  topology('ending', (declare) => {
    declare.source('feed', source, { key: () => 'k', timestampMs: () => 1, ...options }).to(middle)
    declare.stream(middle).repartition('spread').to(output)
  })

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

const valuesOf = async (of: typeof output) => (await rig.read(of)).map(({ value }) => value)

describe('a source that fails', () => {
  /** Fails so often with what a client throws, then gives a value. */
  function failing(
    times: number,
    error: unknown = Object.assign(new Error('read ECONNRESET'), { code: 'X' }),
  ) {
    let tries = 0
    return defer(() => (++tries <= times ? throwError(() => error) : concat(of('there'), NEVER)))
  }

  test('by whatever error is subscribed to again, with backoff, and says meanwhile why it waits', async () => {
    const running = rig.run(appOf(failing(2), { retry: { initialMs: 40, waitMsMax: 40 } }))
    await expect.poll(() => running.status().sources[0]?.problem).toBe('read ECONNRESET')
    await expect.poll(() => valuesOf(output), { timeout: 10_000 }).toEqual(['there'])
  })

  test('is tried again without being told so', async () => {
    await rig.kafka.admin.ensureTopics([{ name: 'out', partitions: 1 }])
    rig.run(appOf(failing(1)))
    await expect.poll(() => valuesOf(output), { timeout: 10_000 }).toEqual(['there'])
  })

  test.each([
    ['its tries are used up', new TypeError('no such file'), 3, 'SOURCE_FAILED'],
    [
      'no other try would mend it',
      new RivuletError('SOURCE_UNREACHABLE', 'no such market'),
      99,
      'SOURCE_UNREACHABLE',
    ],
  ])('ends the program with its step where %s', async (_, error, attemptsMax, code) => {
    const retry = { initialMs: 1, waitMsMax: 1, attemptsMax }
    const running = rig.run(appOf(failing(99, error), { retry }))
    await expect(running.done).rejects.toMatchObject({
      code,
      message: `the source "feed" has failed: ${error.message}`,
      place: { step: 'feed' },
    })
  })

  test('in its key, timestamp or headers ends the program with its step', async () => {
    const key = () => {
      throw new Error('no key')
    }
    await expect(rig.run(appOf(of('a'), { key })).done).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      place: { step: 'feed' },
    })
  })
})

describe('a source that ends', () => {
  test('is said, and the program goes on', async () => {
    const events: RuntimeEvent[] = []
    const running = rig.run(appOf(of('a', 'b')))
    running.events$.subscribe({ next: (event) => events.push(event), error: () => {} })
    await expect.poll(() => events).toContainEqual({ type: 'source-ended', source: 'feed', stops: false })
    await expect.poll(() => valuesOf(output)).toEqual(['a', 'b'])
    expect(running.status().sources).toMatchObject([{ name: 'feed', state: 'stopped' }])
    expect(running.ready().ready).toBe(true)
  })

  test('ends the program where the topology says so, once all it has emitted is worked off', async () => {
    const running = rig.run(appOf(of('a', 'b'), { onComplete: 'stop' }))
    await running.done
    expect(await valuesOf(output)).toEqual(['a', 'b'])
  })
})
