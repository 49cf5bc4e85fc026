import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readFrames } from '../../../src/broker/protocol/frames.ts'
import { MalformedRequest, Reader } from '../../../src/broker/protocol/reader.ts'
import { Writer } from '../../../src/broker/protocol/writer.ts'

const offset = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(-1, -2, 0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1),
)
const primitive = fc.oneof(
  fc.record({ type: fc.constant('int8' as const), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({ type: fc.constant('int16' as const), value: fc.integer({ min: -32_768, max: 32_767 }) }),
  fc.record({ type: fc.constant('int32' as const), value: fc.integer() }),
  fc.record({ type: fc.constant('int64' as const), value: offset }),
  fc.record({ type: fc.constant('string' as const), value: fc.option(fc.string({ unit: 'grapheme' })) }),
  fc.record({ type: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 600 }) }),
  fc.record({ type: fc.constant('records' as const), value: fc.uint8Array({ maxLength: 600 }) }),
  fc.record({ type: fc.constant('array' as const), value: fc.array(fc.integer(), { maxLength: 100 }) }),
)

function write(writer: Writer, field: typeof primitive extends fc.Arbitrary<infer T> ? T : never): void {
  switch (field.type) {
    case 'string':
      writer.string(field.value)
      break
    case 'bytes':
    case 'records':
      writer[field.type](Buffer.from(field.value))
      break
    case 'array':
      writer.array(field.value, (item) => writer.int32(item))
      break
    default:
      writer[field.type](field.value)
  }
}

function read(reader: Reader, type: string): unknown {
  switch (type) {
    case 'string':
      return reader.nullableString()
    case 'array':
      return reader.array(() => reader.int32())
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return reader[type]()
    default:
      return new Uint8Array(reader.bytes())
  }
}

describe('the primitive types', () => {
  test('are read as they were written, in any mixture, size and version', () => {
    fc.assert(
      fc.property(fc.array(primitive, { maxLength: 60 }), fc.boolean(), (fields, isFlexible) => {
        const writer = new Writer(isFlexible)
        for (const field of fields) write(writer, field)
        const frame = Buffer.concat(writer.frame())
        expect(frame.readInt32BE(0)).toBe(frame.length - 4)
        const reader = new Reader(frame.subarray(4), isFlexible)
        expect(fields.map(({ type }) => read(reader, type))).toEqual(fields.map(({ value }) => value))
        expect(reader.remainingBytes).toBe(0)
      }),
    )
  })

  test('that are cut off are malformed, wherever the cut is', () => {
    fc.assert(
      fc.property(fc.array(primitive, { minLength: 1, maxLength: 10 }), fc.nat(), (fields, at) => {
        const writer = new Writer()
        for (const field of fields) write(writer, field)
        const body = Buffer.concat(writer.frame()).subarray(4)
        const reader = new Reader(body.subarray(0, at % body.length))
        expect(() => fields.map(({ type }) => read(reader, type))).toThrow(MalformedRequest)
      }),
    )
  })

  test('don’t make room for what a lying count promises', () => {
    const lie = Buffer.alloc(12)
    lie.writeInt32BE(0x7fff_ffff)
    expect(() => new Reader(lie).array(() => 0)).toThrow(/2147483647 items in 8 bytes/)
  })
})

describe('frames', () => {
  test('are found however the stream is cut', async () => {
    const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(
        frames,
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        async (sent, cuts) => {
          const stream = Buffer.concat(
            sent.flatMap((body) => {
              const length = Buffer.alloc(4)
              length.writeInt32BE(body.length)
              return [length, body]
            }),
          )
          const chunks: Buffer[] = []
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = cuts[i % cuts.length] ?? 1
            chunks.push(stream.subarray(at, at + size))
            at += size
          }
          const got: Uint8Array[] = []
          for await (const frame of readFrames(Readable.from(chunks), 50)) got.push(new Uint8Array(frame))
          expect(got).toEqual(sent)
        },
      ),
    )
  })

  test.each([0, -1, 51, 0x7fff_ffff])(
    'of %i bytes are refused before they are waited for',
    async (lengthBytes) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(lengthBytes)
      const frames = readFrames(Readable.from([length]), 50)
      await expect(frames.next()).rejects.toThrow(MalformedRequest)
    },
  )
})
