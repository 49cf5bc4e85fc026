import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NEVER, startWith } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { kafkaSettings, machineSettings } from '../../src/app/program-settings.ts'
import { toldBy } from '../../src/app/read-settings.ts'
import { type ResetConfig, resetTopology } from '../../src/cli/reset.ts'
import { openDataFolder } from '../../src/data-folder.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { runProcess } from '../support/process.ts'
import { recordedIo } from '../support/recorded-io.ts'

const words = topic('words', { key: serdes.string, value: serdes.string })
const counts = topic('counts', { key: serdes.string, value: serdes.long })

const app = topology('app', ({ stream }) => {
  stream(words)
    .groupBy('by word', (word) => word)
    .count('seen')
    .toStream()
    .mapValues((count) => count ?? 0)
    .to(counts)
})

let rig: KafkaRig
let dataDir = ''
beforeEach(async () => {
  rig = await KafkaRig.start()
  dataDir = mkdtempSync(join(tmpdir(), 'rivulet-reset-'))
})
afterEach(async () => {
  await rig.close()
  rmSync(dataDir, { recursive: true, force: true })
})

function config(): ResetConfig {
  const { dataDir: folder } = machineSettings
  const env = { KAFKA_BROKERS: rig.broker.brokers.join(','), DATA_DIR: dataDir }
  return toldBy({ ...kafkaSettings, dataDir: folder }, {}, env).config
}

const options = { topicPrefix: '', yes: false }
const own = ['app-by-word-repartition', 'app-seen-changelog']
const ownTopics = async () => [...(await rig.kafka.admin.partitionCounts(own)).keys()]
const stateDir = () => join(dataDir, 'app', 'state')

/** Counts what is in the topic, and stops. */
async function counted(environment: { topicPrefix?: string } = {}) {
  const running = rig.run(app, { stateDir: stateDir(), ...environment })
  await rig.workedOff([running], ['words', own[0] as string])
  expect(await running.stop()).toBe('drained')
  return (await rig.read(counts)).map(({ key, value }) => [key, value])
}

describe('a reset', () => {
  test('lets a topology begin anew: it counts what it had counted from the first record on', async () => {
    await rig.produce(words, [
      { key: 'poem', value: 'so', timestampMs: 1 },
      { key: 'poem', value: 'so', timestampMs: 2 },
    ])
    const once = await counted()
    expect(once.at(-1)).toEqual(['so', 2])
    expect(await counted()).toEqual(once)

    const { io, said } = recordedIo('yes')
    expect(await resetTopology(app, options, config(), io)).toBe(0)
    expect(said.asked).toBe('Delete all of this? (yes/no) ')
    for (const named of ['group   app', ...own, join(stateDir(), 'app')]) expect(said.out).toContain(named)
    expect(await ownTopics()).toEqual([])
    expect(existsSync(join(stateDir(), 'app'))).toBe(false)
    const committed = await rig.kafka.admin.committedOffsets('app', ['words'])
    expect(committed).toMatchObject([{ offset: undefined }])
    expect(await counted()).toEqual([...once, ...once])
  })

  test('deletes nothing unless somebody says yes', async () => {
    await rig.produce(words, [{ key: 'poem', value: 'so', timestampMs: 1 }])
    await counted()
    for (const typed of ['', 'no', 'yesterday']) {
      const { io, said } = recordedIo(typed)
      expect(await resetTopology(app, options, config(), io)).toBe(1)
      expect(said.err).toBe('nothing was deleted\n')
    }
    expect(await ownTopics()).toEqual(own)
    expect(existsSync(join(stateDir(), 'app'))).toBe(true)
    expect(await rig.kafka.admin.committedOffsets('app', ['words'])).toMatchObject([{ offset: 1 }])

    const { io, said } = recordedIo()
    expect(await resetTopology(app, { ...options, yes: true }, config(), io)).toBe(0)
    expect(said.asked).toBe('')
    expect(await ownTopics()).toEqual([])
  })

  test('is asked for at the command line, and answered there', { timeout: 60_000 }, async () => {
    const reset = (typed: string) =>
      runProcess(
        'src/cli/main.ts',
        ['reset', 'test/cli/programs/shop.ts', '--name', 'counts', '--data-dir', dataDir],
        { KAFKA_BROKERS: rig.broker.brokers.join(',') },
        typed,
      )
    const unanswered = await reset('')
    expect(unanswered.code).toBe(1)
    expect(unanswered.stderr).toBe('Delete all of this? (yes/no) nothing was deleted\n')
    const answered = await reset('yes\n')
    expect(answered).toMatchObject({ code: 0, stderr: 'Delete all of this? (yes/no) ' })
    expect(answered.stdout).toMatch(/^To let counts begin anew on 127.*\ncounts begins anew\n$/s)
  })

  test('is refused while the group has members, by name', async () => {
    await rig.produce(words, [{ key: 'poem', value: 'so', timestampMs: 1 }])
    const running = rig.run(app)
    await running.started
    const { io, said } = recordedIo('yes')
    await vi.waitFor(async () => expect(await rig.kafka.admin.groupMembers('app')).toEqual(['test']))
    await expect(resetTopology(app, options, config(), io)).rejects.toThrow(
      'the group "app" has 1 member (test): stop them first',
    )
    expect([said.out, await ownTopics()]).toEqual(['', own])
  })

  test('is refused while an instance runs its sources, whose positions stay', async () => {
    const sourcing = topology('sourcing', ({ source }) => {
      source('numbers', NEVER.pipe(startWith(1)), { key: () => 'k', position: (n) => n }).to(counts)
    })
    const running = rig.run(sourcing)
    await vi.waitFor(async () => expect(await rig.read(counts)).toHaveLength(1), 10_000)
    const reset = () => resetTopology(sourcing, options, config(), recordedIo('yes').io)
    await expect(reset()).rejects.toThrow('the group "sourcing-sources" has 1 member')
    await running.stop()
    expect(await reset()).toBe(0)
    expect(await rig.kafka.admin.partitionCounts(['sourcing-numbers-position'])).toMatchObject({ size: 1 })
  })

  test('is refused while a process has the data folder', async () => {
    const held = openDataFolder(dataDir)
    const { io } = recordedIo('yes')
    await expect(resetTopology(app, options, config(), io)).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' })
    held.release()
  })

  test('of what was never run finds nothing but the group, and succeeds', async () => {
    mkdirSync(join(dataDir, 'another', 'state', 'another'), { recursive: true })
    const { io, said } = recordedIo('y')
    expect(await resetTopology(app, options, config(), io)).toBe(0)
    expect(said.out).not.toMatch(/^ {2}(topic|folder)/m)
    expect(existsSync(join(dataDir, 'another', 'state', 'another'))).toBe(true)
  })

  test('needs to know which Kafka', async () => {
    const { io } = recordedIo('yes')
    const embedded = { ...config(), kafkaBrokers: undefined }
    await expect(resetTopology(app, options, embedded, io)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringMatching(/^say which Kafka, with --kafka-brokers or KAFKA_BROKERS/),
    })
  })
})
