import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Compression, compressions, compressorOf } from '../../src/compression/compression.ts'
import { crc32c } from '../../src/kafka/crc32c.ts'
import { type AbortedTransaction, decodeFetchResponse, decodeRecords } from '../../src/kafka/decode-fetch.ts'
import type { OutgoingRecords } from '../../src/kafka/kafka.ts'
import { encodeBatch } from '../../src/kafka/record-batch.ts'
import { numbered, records } from './records.ts'

// kafkajs's own decoder and filter are the judge: the version is pinned.
const require = createRequire(import.meta.url)
const kafkajs: {
  decode(bytes: Buffer): Promise<{ responses: { topicName: string; partitions: unknown[] }[] }>
} = require('kafkajs/src/protocol/requests/fetch/v11/response')
const Batch: new (
  topic: string,
  fetchOffset: string,
  partition: unknown,
) => {
  readonly messages: readonly {
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly timestamp: string
    readonly offset: string
    readonly headers: Readonly<Record<string, Buffer>>
  }[]
} = require('kafkajs/src/consumer/batch')

const CONTROL = 0x20
const TRANSACTIONAL = 0x10
const APPEND_TIME = 0x08
const GZIP = 1

interface BatchOptions {
  readonly baseOffset: number
  readonly producerId?: number
  readonly attributes?: number
}

/** As a broker stores it. */
function batchAt(
  outgoing: OutgoingRecords,
  { baseOffset, producerId = -1, attributes = 0 }: BatchOptions,
): Buffer {
  const plain = encodeBatch([{ records: outgoing, from: 0, to: outgoing.timestampsMs.length }], {
    producerId: String(producerId),
    producerEpoch: 0,
    sequence: 0,
    transactional: false,
  })
  const body = plain.subarray(61)
  const batch = attributes & 0x07 ? Buffer.concat([plain.subarray(0, 61), gzipSync(body)]) : plain
  batch.writeBigInt64BE(BigInt(baseOffset))
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt16BE(attributes, 21)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}

function marker(type: 'abort' | 'commit', options: BatchOptions): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  const outgoing = { keys: [key], values: [Buffer.alloc(6)], timestampsMs: [1] }
  return batchAt(outgoing, { ...options, attributes: CONTROL | TRANSACTIONAL })
}

/** A Fetch v11 response for one partition. */
function response(batches: Buffer, aborted: readonly AbortedTransaction[] = []): Buffer {
  const head = Buffer.alloc(4 + 2 + 4 + 4 + 3 + 4 + 4 + 2 + 24 + 4 + aborted.length * 16 + 8)
  let at = 10
  at = head.writeInt32BE(1, at)
  at = head.writeInt16BE(1, at)
  at += head.write('t', at)
  at = head.writeInt32BE(1, at)
  at = head.writeInt32BE(0, at) // partition
  at = head.writeInt16BE(0, at)
  for (let i = 0; i < 3; i++) at = head.writeBigInt64BE(1_000n, at)
  at = head.writeInt32BE(aborted.length, at)
  for (const { producerId, firstOffset } of aborted) {
    at = head.writeBigInt64BE(BigInt(producerId), at)
    at = head.writeBigInt64BE(BigInt(firstOffset), at)
  }
  at = head.writeInt32BE(-1, at)
  head.writeInt32BE(batches.length, at)
  return Buffer.concat([head, batches])
}

function ours(bytes: Buffer, fetchOffset: number) {
  const [partition] = decodeFetchResponse(bytes).partitions
  if (!partition) throw new Error('no partition')
  const { keys, values, timestampsMs, offsets, headers, nextOffset } = decodeRecords(partition, fetchOffset)
  const rows = offsets.map((offset, i) => ({
    key: keys.at(i),
    value: values.at(i),
    timestampMs: timestampsMs[i],
    offset,
    headers: Object.fromEntries(headers?.[i] ?? []),
  }))
  return { rows, nextOffset }
}

async function theirs(bytes: Buffer, fetchOffset: number) {
  const { responses } = await kafkajs.decode(bytes)
  const batch = new Batch('t', String(fetchOffset), responses[0]?.partitions[0])
  return batch.messages.map(({ key, value, timestamp, offset, headers }) => ({
    key,
    value,
    timestampMs: Number(timestamp),
    offset: Number(offset),
    headers,
  }))
}

const someBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
const record = fc.record({
  key: fc.option(someBytes),
  value: fc.option(someBytes),
  timestampMs: fc.integer({ min: 0, max: 4e12 }),
  headers: fc.option(
    fc.dictionary(
      // kafkajs takes the names of what every object has, such as toString, for headers that came before.
      fc.string({ minLength: 1, maxLength: 8 }).filter((name) => !(name in Object.prototype)),
      someBytes,
      { maxKeys: 3, noNullPrototype: true },
    ),
    { nil: undefined },
  ),
})
const outgoing = fc.array(record, { minLength: 1, maxLength: 40 }).map(
  (rows): OutgoingRecords => ({
    keys: rows.map(({ key }) => key),
    values: rows.map(({ value }) => value),
    timestampsMs: rows.map(({ timestampMs }) => timestampMs),
    headers: rows.map(({ headers }) => headers && Object.entries(headers)),
  }),
)

test('reads what kafkajs reads: nulls, headers, any timestamps, gzip, append time, from any offset', async () => {
  const batches = fc.array(fc.tuple(outgoing, fc.constantFrom(0, GZIP, APPEND_TIME)), {
    minLength: 1,
    maxLength: 4,
  })
  await fc.assert(
    fc.asyncProperty(batches, fc.nat(60), async (list, fetchOffset) => {
      let baseOffset = 0
      const stored = list.map(([rows, attributes]) => {
        const batch = batchAt(rows, { baseOffset, attributes })
        baseOffset += rows.keys.length
        return batch
      })
      const bytes = response(Buffer.concat(stored))
      const { rows, nextOffset } = ours(bytes, fetchOffset)
      expect(rows).toEqual(await theirs(bytes, fetchOffset))
      expect(nextOffset).toBe(Math.max(fetchOffset, baseOffset))
    }),
    { numRuns: 150 },
  )
})

test('reads headers whose names mean something to an object', () => {
  const headers = ['__proto__', 'toString', 'constructor'].map((name) => [name, Buffer.from(name)] as const)
  const batch = batchAt({ ...numbered(1), headers: [headers] }, { baseOffset: 0 })
  const [row] = ours(response(batch), 0).rows
  expect(Object.entries(row?.headers ?? {}).map(([name, value]) => [name, String(value)])).toEqual(
    ['__proto__', 'toString', 'constructor'].map((name) => [name, name]),
  )
})

test('leaves out markers and aborted transactions as kafkajs does, whoever else writes in between', async () => {
  const step = fc.record({
    producerId: fc.integer({ min: 1, max: 3 }),
    action: fc.constantFrom('send', 'commit', 'abort'),
    count: fc.integer({ min: 1, max: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      const open = new Map<number, number>()
      const aborted: (AbortedTransaction & { readonly lastOffset: number })[] = []
      const stored: Buffer[] = []
      let at = 0
      for (const { producerId, action, count } of steps) {
        if (action === 'send') {
          if (!open.has(producerId)) open.set(producerId, at)
          stored.push(
            batchAt(numbered(count, `${at}-`), { baseOffset: at, producerId, attributes: TRANSACTIONAL }),
          )
          at += count
        } else if (open.has(producerId)) {
          if (action === 'abort')
            aborted.push({ producerId, firstOffset: open.get(producerId) ?? 0, lastOffset: at })
          open.delete(producerId)
          stored.push(marker(action, { baseOffset: at, producerId }))
          at += 1
        }
      }
      aborted.sort((a, b) => a.firstOffset - b.firstOffset)
      const bytes = response(Buffer.concat(stored), aborted)
      const { rows, nextOffset } = ours(bytes, 0)
      expect(rows).toEqual(await theirs(bytes, 0))
      expect(nextOffset).toBe(at)
    }),
    { numRuns: 150 },
  )
})

test('keeps the next transaction when a fetch begins at the marker of an aborted one', () => {
  const batches = Buffer.concat([
    marker('abort', { baseOffset: 1, producerId: 7 }),
    batchAt(records('kept'), { baseOffset: 2, producerId: 7, attributes: TRANSACTIONAL }),
    marker('commit', { baseOffset: 3, producerId: 7 }),
  ])
  const { rows, nextOffset } = ours(response(batches, [{ producerId: 7, firstOffset: 0 }]), 1)
  expect(rows.map(({ value }) => String(value))).toEqual(['kept'])
  expect(nextOffset).toBe(4)
})

test('stops before a batch that the size limit has cut off, and refuses one that never fits', () => {
  const whole = batchAt(records('a'), { baseOffset: 0 })
  const cut = batchAt(records('b'), { baseOffset: 1 }).subarray(0, -1)
  const { rows, nextOffset } = ours(response(Buffer.concat([whole, cut])), 0)
  expect(rows.map(({ value }) => String(value))).toEqual(['a'])
  expect(nextOffset).toBe(1)
  expect(() => ours(response(cut), 1)).toThrow(/a batch is larger than a fetch/)
})

test('says what it can not read: old formats, unknown compression, torn records', () => {
  const old = batchAt(records('a'), { baseOffset: 0 })
  old[16] = 1
  expect(() => ours(response(old), 0)).toThrow(/message format 1/)
  expect(() => ours(response(batchAt(records('a'), { baseOffset: 0, attributes: 5 })), 0)).toThrow(
    /compression 5 is unknown/,
  )
  const torn = batchAt(records('a'), { baseOffset: 0 })
  torn[61] = 0x7e
  expect(() => ours(response(torn), 0)).toThrow(/ends behind its batch/)
})

test.each([
  ['more records than bytes', (batch: Buffer) => batch.writeInt32BE(1_000_000_000, 57)],
  ['a key that is longer than its record', (batch: Buffer) => batch.writeUInt8(2 * 50, 65)],
  ['a record that is longer than its batch', (batch: Buffer) => batch.writeUInt8(2 * 60, 61)],
  ['a batch that is shorter than its header', (batch: Buffer) => batch.writeInt32BE(-12, 8)],
  ['offsets that no number can have', (batch: Buffer) => batch.writeInt32BE(0x0100_0000, 0)],
  ['more headers than bytes', (batch: Buffer) => batch.writeUInt8(2 * 60, batch.length - 1)],
])('refuses %s', (_, tear) => {
  const batch = batchAt(records('v'), { baseOffset: 0 })
  tear(batch)
  expect(() => ours(response(batch), 0)).toThrow(expect.objectContaining({ code: 'KAFKA_FAILED' }))
})

describe('compressed batches', () => {
  const sequence = { producerId: '-1', producerEpoch: -1, sequence: -1, transactional: false }
  const compressed = async (name: Compression, outgoing: OutgoingRecords, baseOffset = 0) => {
    const range = { records: outgoing, from: 0, to: outgoing.timestampsMs.length }
    const batch = encodeBatch([range], sequence, await compressorOf(name))
    batch.writeBigInt64BE(BigInt(baseOffset))
    return batch
  }
  const values = (batches: Buffer, fetchOffset = 0) =>
    ours(response(batches), fetchOffset).rows.map(({ value }) => String(value))

  test.each(compressions)('of %s are read among others, from any offset', async (name) => {
    const batches = Buffer.concat([
      batchAt(numbered(3, 'a'), { baseOffset: 0 }),
      await compressed(name, numbered(4, 'b'), 3),
      batchAt(numbered(2, 'c'), { baseOffset: 7, attributes: GZIP }),
    ])
    const all = ['a0', 'a1', 'a2', 'b0', 'b1', 'b2', 'b3', 'c0', 'c1']
    for (const [fetchOffset] of all.entries())
      expect(values(batches, fetchOffset)).toEqual(all.slice(fetchOffset))
  })

  test.each(compressions.slice(1))(
    'of %s that are damaged anywhere are refused, with the place',
    async (name) => {
      const whole = await compressed(name, numbered(50), 7)
      for (let at = 23; at < whole.length; at += 5) {
        const batch = Buffer.from(whole)
        batch.writeUInt8((batch[at] as number) ^ 0x10, at)
        expect(() => values(batch, 7), `${at}`).toThrow(
          expect.objectContaining({
            code: 'KAFKA_FAILED',
            message: `Can't read partition 0 of topic t at offset 7: a ${name} batch is damaged: its CRC does not fit`,
            place: { topic: 't', partition: 0, offset: 7 },
          }),
        )
      }
    },
  )

  test.each(compressions.slice(1))(
    'of %s that were written wrong are refused, with the place',
    async (name) => {
      const batch = await compressed(name, numbered(50), 7)
      batch.fill(0xff, 70)
      batch.writeUInt32BE(crc32c(batch, 21), 17)
      expect(() => values(batch, 7)).toThrow(
        expect.objectContaining({
          message: expect.stringMatching(
            /^Can't read partition 0 of topic t at offset 7: a \w+ batch can't be unpacked: ./,
          ),
        }),
      )
    },
  )

  test('that unpack to much are read a few at a time', async () => {
    const large = { ...records('x'), values: [Buffer.alloc(40 * 1024 * 1024)] }
    const batch = await compressed('lz4', large)
    const batches = [0, 1, 2].map((offset) => {
      const copy = Buffer.from(batch)
      copy.writeBigInt64BE(BigInt(offset))
      return copy
    })
    const first = ours(response(Buffer.concat(batches)), 0)
    expect(first).toMatchObject({ rows: [{ offset: 0 }, { offset: 1 }], nextOffset: 2 })
    const rest = ours(response(Buffer.concat(batches.slice(2))), 2)
    expect(rest).toMatchObject({ rows: [{ offset: 2 }], nextOffset: 3 })
  })

  test('that unpack to more than is allowed are refused, with the place', () => {
    const bomb = batchAt(records('x'), { baseOffset: 3, attributes: GZIP }).subarray(0, 61)
    const batch = Buffer.concat([bomb, ...Array(64).fill(gzipSync(Buffer.alloc(16 * 1024 * 1024)))])
    batch.writeInt32BE(batch.length - 12, 8)
    batch.writeUInt32BE(crc32c(batch, 21), 17)
    expect(() => ours(response(batch), 3)).toThrow(
      /partition 0 of topic t at offset 3: .* larger than 268435456/,
    )
  })
})

test('refuses a torn answer, and makes no room for what it only says that it has', () => {
  const answer = Buffer.alloc(14)
  answer.writeInt32BE(2 ** 31 - 1, 10)
  for (const torn of [answer, Buffer.alloc(3)])
    expect(() => decodeFetchResponse(torn)).toThrow(expect.objectContaining({ code: 'KAFKA_FAILED' }))
})
