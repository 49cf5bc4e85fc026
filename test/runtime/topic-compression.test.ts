import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { settingsOf } from '../../src/runtime/environment.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { storedCompressions } from '../support/stored-compressions.ts'

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
    expect(await storedCompressions(dataDir, 'own')).toEqual(['gzip'])
    expect(await storedCompressions(dataDir, 'sums')).toEqual(['lz4'])
    expect(await storedCompressions(dataDir, 'packed-counts-changelog')).toEqual(['zstd'])
    expect(await storedCompressions(dataDir, 'packed-counts-repartition')).toEqual(['zstd'])
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
