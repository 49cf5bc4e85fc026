import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Compression, compressionOf } from '../../src/compression/compression.ts'
import { settingsOf } from '../../src/runtime/environment.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const input = topic('in', { key: serdes.string, value: serdes.string, compression: 'snappy' })
const sums = topic('sums', { key: serdes.string, value: serdes.nullable(serdes.long) })
const own = topic('own', { key: serdes.string, value: serdes.string, compression: 'gzip' })

const app = topology('packed', ({ stream }) => {
  stream(input).to(own)
  stream(input)
    .selectKey((value) => value.slice(0, 1))
    .groupByKey()
    .count('counts')
    .toStream()
    .to(sums)
})

/** How the batches of a topic are compressed on the broker's disk. */
async function storedIn(dataDir: string, name: string): Promise<(Compression | undefined)[]> {
  const files = await readdir(dataDir, { recursive: true })
  const logs = files.filter((file) => file.includes(`/${name}.`) && file.endsWith('.log'))
  const found = new Set<Compression | undefined>()
  for (const file of logs) {
    const bytes = await readFile(join(dataDir, file))
    const controlBit = 0x20
    for (let at = 0; at < bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
      const attributes = bytes.readInt16BE(at + 21)
      if ((attributes & controlBit) === 0) found.add(compressionOf(attributes))
    }
  }
  return [...found]
}

test.each(['exactly-once', 'at-least-once'] as const)(
  'what is written %s is compressed as its topic says, else as the environment does',
  async (processing) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'rivulet-packed-'))
    const rig = await KafkaRig.start({ dataDir })
    onTestFinished(async () => {
      await rig.close()
      await rm(dataDir, { recursive: true })
    })
    await rig.produce(input, [{ key: 'k', value: 'value', timestampMs: 1 }])
    const running = rig.run(app, { processing, compression: 'lz4', internalCompression: 'zstd' })
    await rig.workedOff([running], ['in'])
    await running.stop()
    expect(await storedIn(dataDir, 'own')).toEqual(['gzip'])
    expect(await storedIn(dataDir, 'sums')).toEqual(['lz4'])
    expect(await storedIn(dataDir, 'packed-counts-changelog')).toEqual(['zstd'])
    expect(await storedIn(dataDir, 'packed-counts-repartition')).toEqual(['zstd'])
    expect(await rig.read(sums)).toMatchObject([{ key: 'v', value: 1 }])
  },
)

test('what is the application’s own is compressed as all else, unless it is said', () => {
  const environment = { kafka: {} as never, compression: 'lz4' as const }
  expect(settingsOf(environment).internalCompression).toBe('lz4')
  expect(settingsOf({ kafka: {} as never }).internalCompression).toBe('none')
})

test('a compression that Kafka has not is refused', () => {
  const wrong = 'brotli' as 'gzip'
  expect(() => settingsOf({ kafka: {} as never, compression: wrong })).toThrow(
    'compression must be none, gzip, snappy, lz4, zstd, not "brotli"',
  )
  expect(() => topic('t', { key: serdes.string, value: serdes.string, compression: wrong })).toThrow(
    expect.objectContaining({ code: 'BAD_TOPOLOGY' }),
  )
})
