import { firstValueFrom, ReplaySubject, Subject } from 'rxjs'
import { describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import { partitionFor } from '../../src/kafka/partitioner.ts'
import type { Kafka, TopicToEnsure } from '../../src/kafka/types.ts'
import { type Chunk, chunkOf, type Headers, type PlainRecord } from '../../src/records/chunk.ts'
import type { Environment } from '../../src/runtime/environment.ts'
import type { Failure } from '../../src/runtime/failed-record.ts'
import { Outbox } from '../../src/runtime/outbox.ts'
import type { Serde, SerdeContext } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { RepartitionNode, TopicSinkNode } from '../../src/stream/graph.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { heldProducer } from '../support/held-producer.ts'
import { instanceContext } from '../support/instance-context.ts'

const strings = { key: serdes.string, value: serdes.string }
const RECORD_OVERHEAD_BYTES = 24

interface Setting {
  readonly environment?: Partial<Environment>
  readonly value?: Serde<string>
  /** How many partitions a chosen topic has. */
  readonly partitionsOf?: (name: string) => Promise<number>
}

/** An outbox of a topology with steps of each kind, of which nothing is acknowledged by itself. */
async function outbox({ environment, value = serdes.string, partitionsOf = async () => 3 }: Setting = {}) {
  const app = topology('passing', ({ stream }) => {
    const records = stream(topic('in', strings))
    records.to(topic('out', { key: serdes.string, value, partitions: 4 }))
    records.to({
      topicBy: (name) => {
        if (name === 'nowhere') throw new Error('no way')
        return name
      },
      key: serdes.string,
      value,
    })
    records.mapAsync('call', async (text) => text, {
      concurrencyMax: 1,
      timeoutMs: 1_000,
      value: serdes.string,
    })
  })
  const asked: string[][] = []
  const ensureTopics = async (topics: readonly TopicToEnsure[]) => {
    asked.push(topics.map(({ name }) => name))
    return new Map(
      await Promise.all(topics.map(async ({ name }) => [name, await partitionsOf(name)] as const)),
    )
  }
  const context = await instanceContext(app)
  const settings = {
    ...context.settings,
    ...environment,
    kafka: { admin: { ensureTopics } } as unknown as Kafka,
  }
  const producer = heldProducer()
  const failures: unknown[] = []
  const leftOut: (Failure | undefined)[] = []
  let roomMade = 0
  const box = new Outbox({
    context: { ...context, settings },
    producer,
    task: { leaveOut: (_reason, failure) => leftOut.push(failure) },
    roomMade: () => roomMade++,
    failed: (error) => failures.push(error),
  })
  const node = <N extends TopicSinkNode | RepartitionNode>(
    is: (node: TopicSinkNode | RepartitionNode) => node is N,
  ) =>
    app.nodes.find(
      (each): each is N => (each.type === 'topic-sink' || each.type === 'repartition') && is(each),
    )
  const [fixed, chosen] = app.nodes.filter((each): each is TopicSinkNode => each.type === 'topic-sink')
  const call = node((each): each is RepartitionNode => each.type === 'repartition')
  if (!fixed || !chosen || !call) throw new Error('the topology has these steps')
  const add = (to: TopicSinkNode | RepartitionNode, chunk: Chunk<unknown, unknown>) =>
    box.add({ node: to, chunk })
  return {
    box,
    add: (...keys: (string | null)[]) => add(fixed, chunkOf(keys.map((key) => record(key)))),
    addChunk: (chunk: Chunk<unknown, unknown>) => add(fixed, chunk),
    addChosen: (name: string, ...keys: string[]) =>
      add(chosen, chunkOf(keys.map((key) => record(key, name)))),
    addAnswers: (chunk: Chunk<unknown, unknown>) => add(call, chunk),
    sent: producer.sent,
    asked,
    failures,
    leftOut,
    get roomMade() {
      return roomMade
    },
  }
}

function record(
  key: string | null,
  value: string | null = 'v',
  timestampMs = 1,
): PlainRecord<unknown, unknown> {
  return { key, value, timestampMs }
}

const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)

/** Which of the keys goes to which partition, in order. */
function placed(partitions: number): Record<number, string[]> {
  const parts: Record<number, string[]> = {}
  for (const key of keys) {
    const partition = partitionFor(Buffer.from(key), partitions)
    parts[partition] = [...(parts[partition] ?? []), key]
  }
  return parts
}

function sentTo(
  name: string,
  sent: Awaited<ReturnType<typeof outbox>>['sent'],
): Record<number, readonly string[]> {
  const here = sent.filter((each) => each.topic === name)
  return Object.fromEntries(here.map((each) => [each.partition, each.keys]))
}

describe('what is added', () => {
  test('is sent in columns to the partitions that its keys say, in order', async () => {
    const { box, add, sent } = await outbox()
    add(...keys.slice(0, 10))
    add(...keys.slice(10))
    expect(sent).toEqual([])
    box.flush()
    expect(sentTo('out', sent)).toEqual(placed(4))
    box.flush()
    expect(sent).toHaveLength(4)
  })

  test('keeps its times, and its headers where some records have any', async () => {
    const { box, addChunk, sent } = await outbox()
    const headers: Headers = [['trace', Buffer.from('t')]]
    addChunk(chunkOf([record('k', 'v', 5)]))
    addChunk(chunkOf([{ ...record('k', null, 6), headers }]))
    box.flush()
    expect(sent[0]?.records).toEqual({
      keys: [Buffer.from('k'), Buffer.from('k')],
      values: [Buffer.from('v'), null],
      timestampsMs: [5, 6],
      headers: [undefined, headers],
    })
  })

  test('goes to one partition with the rest of its chunk where it has no key, and to another with the next', async () => {
    const { box, add, sent } = await outbox()
    add(null, null)
    add(null)
    box.flush()
    expect(sent.map(({ records }) => records.keys.length)).toEqual([2, 1])
    expect(sent[0]?.partition).not.toBe(sent[1]?.partition)
  })

  test('stays in its partition as the answer of a call without key', async () => {
    const { box, addAnswers, sent } = await outbox()
    for (const partition of [0, 0]) addAnswers({ ...chunkOf([record(null)]), partition })
    box.flush()
    expect(sent.map(({ partition }) => partition)).toEqual([0])
  })

  test('is refused with its place when it can not be written', async () => {
    const value = {
      ...serdes.string,
      serialize: () => {
        throw new RivuletError('ENCODE_FAILED', 'too long')
      },
    }
    const { addChunk } = await outbox({ value })
    const chunk = chunkOf([{ ...record('k'), offset: 7 }], { topic: 'in', partition: 2 })
    expect(() => addChunk(chunk)).toThrow(
      expect.objectContaining({
        code: 'ENCODE_FAILED',
        place: { step: expect.any(String), topic: 'in', partition: 2, offset: 7 },
      }),
    )
  })
})

describe('what it holds', () => {
  test('is counted until Kafka acknowledges it, and fills it', async () => {
    const bytesUnsentMax = 2 * (RECORD_OVERHEAD_BYTES + 2)
    const held = await outbox({ environment: { bytesUnsentMax } })
    held.add('a')
    expect([held.box.records, held.box.isFull]).toEqual([1, false])
    held.add('a')
    held.box.flush()
    expect([held.box.records, held.box.isFull]).toEqual([2, true])
    held.sent[0]?.acknowledge()
    await held.box.settled()
    expect([held.box.records, held.box.isFull, held.roomMade]).toEqual([0, false, 1])
  })

  test('stays counted when it was refused; that is told once, and nothing more is sent', async () => {
    const { box, add, sent, failures } = await outbox()
    add(...keys)
    box.flush()
    const refused = new RivuletError('KAFKA_FAILED', 'too large')
    const settled = expect(box.settled()).rejects.toBe(refused)
    sent[1]?.refuse(refused)
    sent[2]?.refuse(new Error('another'))
    await settled
    add('a')
    box.flush()
    expect(failures).toEqual([refused])
    expect([sent.length, box.records]).toEqual([4, 21])
    expect(() => box.hold()).toThrow(refused)
    await expect(box.resolved()).rejects.toBe(refused)
  })

  test("is nobody's any more when it was given up", async () => {
    const held = await outbox()
    held.add('a')
    held.box.flush()
    const reason = new Error('given up')
    const settled = expect(held.box.settled()).rejects.toBe(reason)
    held.box.abandon(reason)
    await settled
    held.sent[0]?.refuse(new Error('late'))
    held.add('b')
    held.box.flush()
    await expect(held.box.settled()).rejects.toBe(reason)
    expect([held.sent.length, held.failures, held.roomMade]).toEqual([1, [], 0])
  })

  test('is sent before a hold, and what comes later after its release', async () => {
    const { box, add, sent } = await outbox()
    add('a')
    box.hold()
    add('a', 'a')
    box.flush()
    expect(sent.map(({ records }) => records.keys.length)).toEqual([1])
    box.release()
    box.flush()
    expect(sent.map(({ records }) => records.keys.length)).toEqual([1, 2])
  })
})

describe('a topic that records chose', () => {
  test('is asked once for its partitions; meanwhile everything waits in order, and it is full', async () => {
    const answer = new Subject<number>()
    const held = await outbox({ partitionsOf: () => firstValueFrom(answer) })
    held.addChosen('chosen', ...keys.slice(0, 10))
    expect([held.box.isResolved, held.box.isFull, held.box.records]).toEqual([false, true, 10])
    held.addChosen('chosen', ...keys.slice(10))
    held.add('a')
    held.box.flush()
    expect(held.sent).toEqual([])
    answer.next(3)
    await held.box.resolved()
    expect([held.asked, held.box.isResolved, held.box.isFull]).toEqual([[['chosen']], true, false])
    expect(sentTo('chosen', held.sent)).toEqual(placed(3))
    expect(sentTo('out', held.sent)).toEqual({ [partitionFor(Buffer.from('a'), 4)]: ['a'] })
    expect(held.roomMade).toBe(1)
    held.addChosen('chosen', 'k0')
    held.box.flush()
    expect(held.asked).toHaveLength(1)
  })

  test('is not asked for its partitions where the topology has it', async () => {
    const { box, addChosen, sent, asked } = await outbox()
    addChosen('out', ...keys)
    box.flush()
    expect(sentTo('out', sent)).toEqual(placed(4))
    expect(asked).toEqual([])
  })

  test('that comes while another is asked for is asked for behind it', async () => {
    const answers = { a: new Subject<number>(), b: new ReplaySubject<number>() }
    const { box, addChosen, sent, asked } = await outbox({
      partitionsOf: (name) => firstValueFrom(answers[name as 'a' | 'b']),
    })
    addChosen('a', 'k')
    addChosen('b', 'k')
    const resolved = box.resolved()
    answers.a.next(1)
    answers.b.next(1)
    await resolved
    expect(asked).toEqual([['a'], ['b']])
    expect(sent.map((each) => each.topic)).toEqual(['a', 'b'])
  })

  test('and that can not be made is told once, to whoever waits for it too', async () => {
    const failure = new Error('no such topic may be')
    const { box, addChosen, failures } = await outbox({ partitionsOf: () => Promise.reject(failure) })
    addChosen('chosen', 'a')
    addChosen('chosen', 'b')
    await expect(box.resolved()).rejects.toBe(failure)
    expect(failures).toEqual([failure])
  })

  test('is waited for no longer when everything is given up, and its records are not sent then', async () => {
    const answer = new Subject<number>()
    const { box, addChosen, sent } = await outbox({ partitionsOf: () => firstValueFrom(answer) })
    addChosen('chosen', 'a')
    const reason = new Error('given up')
    const resolved = expect(box.resolved()).rejects.toBe(reason)
    box.abandon(reason)
    await resolved
    answer.next(1)
    await new Promise(setImmediate)
    box.flush()
    expect(sent).toEqual([])
  })

  test('fails with the place of the record when choosing throws', async () => {
    const { addChosen } = await outbox()
    expect(() => addChosen('nowhere', 'a')).toThrow(
      expect.objectContaining({ code: 'ENCODE_FAILED', place: expect.objectContaining({ topic: 'test' }) }),
    )
  })

  test('holds up no dead letter', async () => {
    const { box, addChosen, sent } = await outbox({ partitionsOf: () => new Promise(() => {}) })
    addChosen('chosen', 'a')
    const letter = {
      key: null,
      value: Buffer.from('?'),
      timestampMs: 1,
      headers: [['reason', Buffer.from('why')]] satisfies Headers,
    }
    box.addLetter({ topic: 'in-dead-letters', ...letter })
    box.flush()
    expect(sent.map((each) => [each.topic, each.partition])).toEqual([['in-dead-letters', 0]])
    expect(sent[0]?.records.headers).toEqual([letter.headers])
  })
})

describe('a serde', () => {
  test('is told topic, part and headers of what it writes', async () => {
    const seen: SerdeContext[] = []
    const value: Serde<string> = {
      ...serdes.string,
      serialize: (text, context) => {
        if (context) seen.push({ ...context })
        return serdes.string.serialize(text)
      },
    }
    const { addChunk } = await outbox({ value })
    const headers: Headers = [['trace', Buffer.from('t')]]
    addChunk(chunkOf([record('a'), { ...record('b'), headers }]))
    expect(seen).toEqual([
      { topic: 'out', part: 'value', headers: undefined },
      { topic: 'out', part: 'value', headers },
    ])
  })

  test('is prepared before the first record of a topic, and asked again when it could not be', async () => {
    const prepared: unknown[] = []
    let isReady = false
    const value: Serde<string> = {
      ...serdes.string,
      prepareWrite: async (place) => {
        prepared.push({ ...place })
        if (prepared.length === 1) throw new Error('the registry is away')
        isReady = true
      },
      serialize: (text) => {
        if (!isReady) throw new Error('not prepared')
        return serdes.string.serialize(text)
      },
    }
    const sleep = vi.fn(async () => {})
    const clock = { ...systemClock, sleep }
    const { box, add, sent } = await outbox({ value, environment: { clock } })
    add('a')
    expect(box.isFull).toBe(true)
    await box.resolved()
    add('a')
    box.flush()
    expect(sent.map(({ records }) => records.keys.length)).toEqual([1, 1])
    expect(prepared).toMatchObject([
      { topic: 'out', part: 'value' },
      { topic: 'out', part: 'value' },
    ])
    expect(sleep).toHaveBeenCalledTimes(1)
  })
})

describe('where somebody decides on what can not be written', () => {
  const refusal = new RivuletError('KAFKA_FAILED', 'too large')
  const decided = (outcome: 'drop' | 'dead-letter' | 'fail') =>
    outbox({ environment: { onProductionError: () => outcome } })

  test('nothing is ready for a commit that Kafka might still refuse', async () => {
    const { box, add, sent } = await decided('drop')
    add('a')
    box.flush()
    expect(box.isResolved).toBe(false)
    sent[0]?.refused?.(0, refusal)
    expect(box.isResolved).toBe(false)
    sent[0]?.acknowledge()
    await box.resolved()
    expect(box.isResolved).toBe(true)
  })

  test('a refused record is known by its step and place, however many are in the columns', async () => {
    const { box, addChunk, sent, leftOut, failures } = await decided('dead-letter')
    addChunk(chunkOf([{ ...record('k', 'x', 5), offset: 7 }]))
    addChunk(chunkOf([{ ...record('k', 'y', 6), offset: 9 }], { topic: 'other', partition: 2 }))
    box.flush()
    sent[0]?.refused?.(1, refusal)
    expect(leftOut).toMatchObject([
      {
        error: { code: 'KAFKA_FAILED', place: { step: 'to out', topic: 'other', partition: 2, offset: 9 } },
        record: { key: 'k', value: 'y', timestampMs: 6, destination: 'out' },
      },
    ])
    expect(failures).toEqual([])
  })

  test('a refusal that must not be ends it', async () => {
    const { box, add, sent, failures } = await decided('fail')
    add('a')
    box.flush()
    sent[0]?.refused?.(0, refusal)
    expect(failures).toMatchObject([{ code: 'KAFKA_FAILED', place: { step: 'to out' } }])
  })

  test('nothing is committed before a dead letter is made, and it is sent with the rest', async () => {
    const { box, sent } = await decided('dead-letter')
    const made = new Subject<Parameters<typeof box.addLetter>[0]>()
    box.addLetterOnceMade(firstValueFrom(made))
    expect(box.isResolved).toBe(false)
    made.next({ topic: 'in-dead-letters', key: null, value: null, timestampMs: 1, headers: [] })
    await vi.waitFor(() => expect(sent).toMatchObject([{ topic: 'in-dead-letters', partition: 0 }]))
    sent[0]?.acknowledge()
    await box.resolved()
  })

  test('a letter that can not be made ends it', async () => {
    const { box, failures } = await decided('dead-letter')
    box.addLetterOnceMade(Promise.reject(refusal))
    await vi.waitFor(() => expect(failures).toEqual([refusal]))
  })

  test.each([0.5, -1, Number.NaN])(
    'a time of %s is that of a record that can not be written',
    async (timeMs) => {
      const { box, addChunk, sent, leftOut } = await decided('drop')
      addChunk(chunkOf([record('k', 'x', timeMs), record('k', 'y', 6)]))
      box.flush()
      expect(leftOut).toHaveLength(1)
      expect(sent.map(({ records }) => records.timestampsMs)).toEqual([[6]])
      expect(box.records).toBe(1)
    },
  )
})

test('without a handler no record remembers where it comes from, and none is waited for', async () => {
  const { box, add, sent } = await outbox()
  add('a')
  box.flush()
  expect(sent[0]?.refused).toBeUndefined()
  expect(box.isResolved).toBe(true)
})
