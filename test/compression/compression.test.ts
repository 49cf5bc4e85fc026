import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Compression,
  compressionOf,
  compressions,
  compressorOf,
  decompress,
} from '../../src/compression/compression.ts'

const packing = compressions.filter((name) => name !== 'none')
const someBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.string(), fc.nat(3_000)).map(([text, times]) => Buffer.from(text.repeat(times))),
)

async function packed(compression: Compression, bytes: Buffer): Promise<Buffer> {
  return (await compressorOf(compression))?.compress(bytes) ?? bytes
}

describe.each(packing)('%s', (compression) => {
  test('gives back what it was given', async () => {
    await fc.assert(
      fc.asyncProperty(someBytes, async (bytes) => {
        expect(decompress(compression, await packed(compression, bytes)).equals(bytes)).toBe(true)
      }),
    )
  })

  test('is known by the number that Kafka gives it', async () => {
    const { attribute = 0 } = (await compressorOf(compression)) ?? {}
    expect(compressionOf(attribute)).toBe(compression)
  })

  test('refuses what is cut off', async () => {
    const whole = await packed(compression, Buffer.from('abcdefgh'.repeat(500)))
    for (let length = 1; length < whole.length - 4; length += 3)
      expect(() => decompress(compression, whole.subarray(0, length)), `${length}`).toThrow()
  })

  test('ends whatever bytes it is given with a result or an error', async () => {
    const whole = await packed(compression, Buffer.from('some words, some more words; '.repeat(300)))
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(changes, (list) => {
        const bytes = Buffer.from(whole)
        for (const [at, byte] of list) bytes[at] = byte
        expect(outcome(() => decompress(compression, bytes))).toMatch(/^(bytes|error)$/)
      }),
      { numRuns: 500 },
    )
  })
})

function outcome(work: () => Buffer): string {
  try {
    return Buffer.isBuffer(work()) ? 'bytes' : 'something else'
  } catch (error) {
    return error instanceof Error ? 'error' : 'something else'
  }
}

describe('what unpacks to more than is allowed is refused', () => {
  test('by gzip', () => {
    const member = gzipSync(Buffer.alloc(16 * 1024 * 1024))
    const bomb = Buffer.concat(Array(64).fill(member))
    expect(bomb.length).toBeLessThan(1_100_000)
    expect(() => decompress('gzip', bomb)).toThrow(/larger than 268435456 bytes/)
  })

  test('by Snappy, where one block says so, or many together hold it', async () => {
    const small = await packed('snappy', Buffer.alloc(64))
    const lies = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), small.subarray(1)])
    expect(() => decompress('snappy', lies)).toThrow(/more than 268435456 bytes/)
    const block = await packed('snappy', Buffer.alloc(16 * 1024 * 1024))
    expect(() => decompress('snappy', xerial(Array(17).fill(block)))).toThrow(/more than 268435456 bytes/)
  })

  test('by LZ4', async () => {
    const part = await packed('lz4', Buffer.alloc(64 * 1024 * 1024))
    const [header, blocks] = [part.subarray(0, 7), part.subarray(7, -4)]
    const bomb = Buffer.concat([header, ...Array(16).fill(blocks), Buffer.alloc(4)])
    expect(() => decompress('lz4', bomb)).toThrow(/more than 268435456 bytes/)
  })

  test('by ZSTD, whether or not the frame says how much it is', () => {
    expect(() => decompress('zstd', zstdOfZeros(8_192))).toThrow(/268435456/)
    // A window of a gigabyte: room is made for it before anything is unpacked.
    expect(() => decompress('zstd', zstdOfZeros(2, 0xa0))).toThrow()
    expect(decompress('zstd', zstdOfZeros(2)).equals(Buffer.alloc(2 * 128 * 1024))).toBe(true)
  })
})

/** A frame that does not say its size, of run-length blocks of 128 KiB: 4 bytes each. */
function zstdOfZeros(blocks: number, windowDescriptor = 0x58): Buffer {
  const size = (128 * 1024) << 3
  const block = (isLast: boolean) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUIntLE(size | (1 << 1) | (isLast ? 1 : 0), 0, 3)
    return bytes
  }
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, windowDescriptor])
  return Buffer.concat([header, ...Array(blocks - 1).fill(block(false)), block(true)])
}

function xerial(blocks: readonly Buffer[]): Buffer {
  const header = Buffer.concat([Buffer.from('\x82SNAPPY\0', 'latin1'), Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])
  const framed = blocks.flatMap((block) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    return [length, block]
  })
  return Buffer.concat([header, ...framed])
}

test('Snappy is read in the framing of snappy-java, too', async () => {
  const parts = ['many ', 'blocks ', 'in one'].map((text) => Buffer.from(text.repeat(100)))
  const blocks = await Promise.all(parts.map((part) => packed('snappy', part)))
  expect(decompress('snappy', xerial(blocks))).toEqual(Buffer.concat(parts))
  expect(() => decompress('snappy', xerial(blocks).subarray(0, -1))).toThrow()
})

test('LZ4 is read with checksums, too', () => {
  const { compressFrameSync }: { compressFrameSync(bytes: Buffer, options: object): Buffer } = createRequire(
    import.meta.url,
  )('lz4-napi')
  const bytes = Buffer.from('checked and checked again, '.repeat(20_000))
  const frame = compressFrameSync(bytes, { contentChecksum: true, blockChecksums: true })
  expect(decompress('lz4', frame).equals(bytes)).toBe(true)
})
