import { describe, expect, test } from 'vitest'
import type { Serde, SerdeContext } from '../../src/serdes/serde.ts'
import { nullable, serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { TestDriver, type TestDriverOptions } from '../../src/testing/test-driver.ts'
import { MemorySink } from '../support/memory-sink.ts'

const text = { key: serdes.string, value: serdes.string }
const input = topic('in', text)
const output = topic('out', text)
const numbers = topic('numbers', { key: serdes.string, value: serdes.json<number>() })

function drive(declare: (declare: Declare) => void, options?: TestDriverOptions) {
  return new TestDriver(topology('app', declare), options)
}

/** Comes back from JSON as an object like it, without its methods. */
class Day {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  year(): string {
    return this.text.slice(0, 4)
  }
}

const record = <V>(value: V, timestampMs = 1) => ({ key: 'k', value, timestampMs })

describe('the test driver writes and reads bytes', () => {
  test('through a repartition topic, where an object of a class becomes a plain one', () => {
    const driver = drive(({ stream }) => {
      stream(input)
        .mapValues((day) => new Day(day))
        .groupBy('by year', (day) => day.year())
        .reduce('newest', (a, b) => (a.text > b.text ? a : b))
        .toStream()
        .mapValues('as text', (newest) => newest?.year() ?? '')
        .to(output)
    })
    expect(() => driver.pipe(input, record('2026-01-02'))).toThrow(
      expect.objectContaining({
        code: 'CALLBACK_FAILED',
        place: expect.objectContaining({ step: 'as text' }),
      }),
    )
  })

  test('of what goes in: with the serdes of the topic, which refuse what does not fit', () => {
    const driver = drive(({ stream }) => stream(numbers).mapValues(String).to(output))
    expect(() => driver.pipe(numbers, record(Number.NaN))).toThrow(
      expect.objectContaining({ code: 'ENCODE_FAILED' }),
    )
    expect(() => drive(({ stream }) => stream(input).to(output)).pipe('in', record(7))).toThrow(
      expect.objectContaining({ code: 'ENCODE_FAILED' }),
    )
  })

  test('of what comes out: with the serdes of its topic, which refuse what does not fit', () => {
    const anything = topic('anything', { key: serdes.string, value: serdes.json<unknown>() })
    const driver = drive(({ stream }) => {
      stream(input)
        .mapValues((value) => (value === 'bad' ? undefined : { day: new Day(value), nothing: undefined }))
        .to('to anything', anything)
    })
    driver.pipe(input, record('2026-01-02'))
    const [read] = driver.read(anything)
    expect(JSON.stringify(read?.value)).toBe('{"day":{"text":"2026-01-02"}}')
    expect(read?.value).not.toHaveProperty('nothing')
    expect(() => driver.pipe(input, record('bad'))).toThrow(
      expect.objectContaining({
        code: 'ENCODE_FAILED',
        place: expect.objectContaining({ step: 'to anything' }),
      }),
    )
  })

  test('and reads an output as the given topic says, by its name as the topology does, and null as null', () => {
    const driver = drive(({ stream }) => {
      stream(topic('in', { key: serdes.string, value: nullable(serdes.string) })).to(
        topic('out', { key: serdes.string, value: nullable(serdes.string) }),
      )
    })
    const asBytes = topic('out', { key: serdes.bytes, value: serdes.bytes })
    const asLong = topic('out', { key: serdes.string, value: serdes.long })
    driver.pipe(input, record('x'), record(null))
    expect(driver.read(asBytes)).toMatchObject([
      { key: Buffer.from('k'), value: Buffer.from('x') },
      { value: null },
    ])
    driver.pipe(input, record('x'), record(null))
    expect(driver.read('out')).toMatchObject([{ key: 'k', value: 'x' }, { value: null }])
    driver.pipe(input, record('x'))
    expect(() => driver.read(asLong)).toThrow(
      expect.objectContaining({ code: 'DECODE_FAILED', place: { topic: 'out', partition: 0, offset: 4 } }),
    )
  })

  test('with headers, which pass', () => {
    const driver = drive(({ stream }) => stream(input).to(output))
    driver.pipe(input, record('plain'), { ...record('x'), headers: [['from', Buffer.from('me')]] })
    const [plain, headed] = driver.read(output)
    expect(plain).not.toHaveProperty('headers')
    expect(headed?.headers).toEqual([['from', Buffer.from('me')]])
  })

  test('that it puts into the dead letters where the reader can do nothing with them, and goes on', () => {
    const driver = drive(({ stream }) => stream(numbers).mapValues(String).to(output))
    const written = topic('numbers', text)
    driver.pipe(
      written,
      record('7'),
      { ...record('seven', 5), headers: [['from', Buffer.from('me')]] },
      record('8'),
    )
    expect(driver.read(output).map(({ value }) => value)).toEqual(['7', '8'])
    const [letter, ...others] = driver.read('numbers-dead-letters')
    expect(others).toEqual([])
    expect(letter).toMatchObject({ key: Buffer.from('k'), value: Buffer.from('seven'), timestampMs: 5 })
    const headers = (letter?.headers ?? []).map(([name, header]) => `${name}=${header}`)
    expect(headers.join(' ')).toMatch(
      /^from=me topic=numbers partition=0 offset=1 step=numbers reason=value: not a json: /,
    )
  })

  test('of no time, or one before the epoch, which become dead letters of the epoch', () => {
    const driver = drive(({ stream }) => stream(numbers).mapValues(String).to(output))
    driver.pipe(topic('numbers', text), record('seven', -1), record('eight', -86_400_000))
    expect(driver.read('numbers-dead-letters').map(({ timestampMs }) => timestampMs)).toEqual([0, 0])
  })

  test('which end the program where it is to end with them', () => {
    const driver = drive(({ stream }) => stream(numbers).to(numbers), { onDecodeError: 'fail' })
    expect(() => driver.pipe(topic('numbers', text), record('seven'))).toThrow(
      expect.objectContaining({ code: 'DECODE_FAILED', place: expect.objectContaining({ offset: 0 }) }),
    )
  })

  test('and fails on what the application itself wrote and can not read', () => {
    const oneWay: Serde<string> = {
      name: 'one-way',
      serialize: serdes.string.serialize,
      deserialize() {
        throw new Error('there is no way back')
      },
    }
    const driver = drive(({ stream }) => stream(input).repartition('apart', { value: oneWay }).to(output))
    expect(() => driver.pipe(input, record('x'))).toThrow(
      expect.objectContaining({
        code: 'DECODE_FAILED',
        place: { step: 'apart-repartition', topic: 'app-apart-repartition', partition: 0, offset: 0 },
      }),
    )
  })

  test('and leaves out of a global table what it can not read', () => {
    const driver = drive(({ globalTable }) => {
      globalTable(numbers, { store: 'everywhere' })
    })
    driver.pipe(topic('numbers', text), record('seven'), record('7'))
    expect(driver.store('everywhere')?.size).toBe(1)
    expect(driver.readAll()).toEqual([])
  })

  test('for a sink, which is given what is read from its topic', () => {
    const driver = drive(({ stream }) => {
      stream(input)
        .mapValues((day) => new Day(day))
        .repartition('days')
        .batch({ rowsMax: 1, waitMsMax: 1 })
        .to('to memory', new MemorySink())
    })
    driver.pipe(input, record('2026-01-02'))
    expect(driver.read('to memory')).toStrictEqual([
      { key: 'k', value: { text: '2026-01-02' }, timestampMs: 1, partition: 0, offset: 0 },
    ])
  })

  test('for the results of calls', async () => {
    const driver = drive(({ stream }) => {
      stream(input)
        .mapAsync('look up', async (day) => new Day(day), { concurrencyMax: 1, timeoutMs: 10 })
        .mapValues((day) => String(day instanceof Day))
        .to(output)
    })
    driver.pipe(input, record('2026-01-02'))
    await driver.settle()
    expect(driver.read(output)).toMatchObject([{ value: 'false' }])
  })

  test('and rejects when a result can not be written', async () => {
    const driver = drive(({ stream }) => {
      stream(input)
        .mapAsync('look up', async () => undefined, { concurrencyMax: 1, timeoutMs: 10 })
        .to(topic('nothing', { key: serdes.string, value: serdes.json<undefined>() }))
    })
    driver.pipe(input, record('x'))
    await expect(driver.settle()).rejects.toMatchObject({ code: 'ENCODE_FAILED', place: { step: 'look up' } })
  })

  test('for what comes of a source', () => {
    const days = topic('days', { key: nullable(serdes.string), value: serdes.json<unknown>() })
    const driver = drive(({ source, stream }) => {
      source<Day>('calendar', () => {
        throw new Error('the test emits')
      }).to(days)
      stream(days)
        .map((day) => ['is a day', String(day instanceof Day)])
        .to(output)
    })
    driver.emit('calendar', new Day('2026-01-02'))
    expect(driver.read(output)).toMatchObject([{ value: 'false' }])
  })
})

describe('what a store of the test driver holds', () => {
  class Seen {
    readonly names: string[] = []

    add(name: string): this {
      this.names.push(name)
      return this
    }
  }
  const collect = ({ stream }: Declare) => {
    stream(input)
      .groupByKey()
      .aggregate('seen', {
        initializer: () => new Seen(),
        aggregator: (seen, value) => seen.add(value),
      })
  }

  test('is what comes back from its changelog: the methods of a class do not', () => {
    const driver = drive(collect)
    driver.pipe(input, record('first'))
    expect(() => driver.pipe(input, record('second'))).toThrow(/"seen" threw at in\/0 offset 1: .*add/)
  })

  test('must be such that its changelog takes it', () => {
    const driver = drive(({ stream }) => {
      stream(input)
        .groupByKey()
        .aggregate('sums', { initializer: () => 0n, aggregator: (sum) => sum + 1n })
    })
    expect(() => driver.pipe(input, record('x'))).toThrow(
      expect.objectContaining({
        code: 'ENCODE_FAILED',
        message: expect.stringContaining('what the store "sums" holds does not come back'),
        place: { step: 'sums', topic: 'app-sums-changelog' },
      }),
    )
  })
})

describe('a serde in the test driver', () => {
  test('sees where each value stands, in topics and in changelogs', () => {
    const seen = new Set<string>()
    const see = (context: SerdeContext | undefined) => {
      if (context) seen.add(`${context.topic} ${context.part}${context.headers ? ' with headers' : ''}`)
    }
    const seeing: Serde<string> = {
      name: 'seeing',
      serialize(value, context) {
        see(context)
        return Buffer.from(value)
      },
      deserialize(bytes, context) {
        see(context)
        return String(bytes)
      },
    }
    const driver = drive(({ stream }) => {
      stream(topic('in', { key: seeing, value: seeing }))
        .groupByKey()
        .reduce('newest', (_, value) => value)
    })
    driver.pipe('in', { ...record('x'), headers: [['from', Buffer.from('me')]] })
    expect([...seen].sort()).toEqual([
      'app-newest-changelog key',
      'app-newest-changelog value',
      'in key with headers',
      'in value with headers',
    ])
  })

  test('is waited for while it fetches what it needs to read, and the records keep their order', async () => {
    let schema: Promise<void> | undefined
    let isFetched = false
    const asked: Serde<string> = {
      name: 'asked',
      serialize: serdes.string.serialize,
      deserialize: (bytes) => `${isFetched ? 'read' : 'guessed'} ${bytes}`,
      prepareRead() {
        if (isFetched) return undefined
        schema ??= Promise.resolve().then(() => {
          isFetched = true
        })
        return schema
      },
    }
    const driver = drive(({ stream }) => {
      stream(topic('in', { key: serdes.string, value: asked })).to(output)
      stream(numbers).mapValues(String).to(output)
    })
    driver.pipe(input, record('a'), record('b'))
    driver.pipe(numbers, record(1))
    expect(driver.read(output)).toEqual([])
    expect(driver.waiting).toBe(3)
    await driver.settle()
    expect(driver.read(output).map(({ value }) => value)).toEqual(['read a', 'read b', '1'])
  })

  test('is waited for before it writes: into a topic, by the test or by a step, and into a changelog', async () => {
    const asked: string[] = []
    const registered: Serde<string> = {
      name: 'registered',
      serialize(value, context) {
        if (context && !asked.includes(context.topic)) throw new Error(`${context.topic} is not registered`)
        return Buffer.from(value)
      },
      deserialize: (bytes) => String(bytes),
      async prepareWrite({ topic: name, part }) {
        if (part === 'value') asked.push(name)
      },
    }
    const from = topic('from', { key: serdes.string, value: registered })
    const to = { topicBy: (value: string) => `to-${value}`, value: registered }
    const driver = drive(({ stream }) => {
      stream(from)
        .groupByKey()
        .reduce('newest', (_, value) => value)
      stream(from).to(to)
    })
    driver.pipe(from, record('a'), record('b'), record('a'))
    expect(driver.readAll()).toEqual([])
    await driver.settle()
    expect(driver.readAll()).toMatchObject(['a', 'b', 'a'].map((value) => ({ topic: `to-${value}`, value })))
    expect(asked).toEqual(['app-newest-changelog', 'from', 'to-a', 'to-b'])
  })
})
