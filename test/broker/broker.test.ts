import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startBrokerOn } from '../../src/broker/broker.ts'
import { type BrokerOptions, type EmbeddedBroker, startBroker } from '../../src/broker/index.ts'
import { brokerConfig } from '../../src/broker/options.ts'
import { Writer } from '../../src/broker/protocol/writer.ts'
import { systemClock } from '../../src/clock.ts'
import { MemoryDirectory } from '../../src/storage/memory.ts'
import type { LogDirectory } from '../../src/storage/storage.ts'
import { duplexPair } from './duplex-pair.ts'

const brokers: EmbeddedBroker[] = []
afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close()))
})

async function start(options: BrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await startBroker(options)
  brokers.push(broker)
  return broker
}

function clientOf(broker: EmbeddedBroker): Kafka {
  return new Kafka({
    brokers: broker.brokers,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, maxRetryTime: 50, retries: 3 },
  })
}

async function producerOf(broker: EmbeddedBroker) {
  const client = clientOf(broker)
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'orders' }] })
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  onTestFinished(async () => {
    await Promise.all([admin.disconnect(), producer.disconnect()])
  })
  const ends = async () => (await admin.fetchTopicOffsets('orders'))[0]?.high
  const send = (value: string | Buffer) => producer.send({ topic: 'orders', messages: [{ value }] })
  return { send, ends, admin }
}

function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'rivulet-broker-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('starting the embedded broker', () => {
  test('says PORT_IN_USE where another program listens, and leaves the folder free', async () => {
    const { port } = await start()
    const dataDir = temporaryFolder()
    await expect(startBroker({ port, dataDir })).rejects.toMatchObject({ code: 'PORT_IN_USE' })
    await start({ dataDir })
  })

  test('says DATA_DIR_UNUSABLE where it can’t write', async () => {
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    await expect(startBroker({ dataDir: file })).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' })
    await expect(startBroker({ dataDir: '/proc/rivulet' })).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
    })
  })

  test('says DATA_DIR_UNUSABLE, and which, where a file lies in the place of a folder', async () => {
    const dataDir = temporaryFolder()
    writeFileSync(join(dataDir, 'topics'), '')
    await expect(startBroker({ dataDir })).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
      message: expect.stringContaining(join(dataDir, 'topics')),
    })
  })

  test('says DATA_DIR_IN_USE, with the pid, where another broker has the folder', async () => {
    const dataDir = temporaryFolder()
    const first = await start({ dataDir })
    const second = startBroker({ dataDir })
    await expect(second).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' })
    await expect(second).rejects.toThrow(String(process.pid))
    await first.close()
    await start({ dataDir })
  })

  test('says BAD_CONFIG and which option where one is nonsense', async () => {
    await expect(startBroker({ requestBytesMax: -1 })).rejects.toMatchObject({ code: 'BAD_CONFIG' })
    await expect(startBroker({ requestBytesMax: -1 })).rejects.toThrow('requestBytesMax')
  })

  test('finds everything again that an earlier one had, with every policy of fsync', async () => {
    for (const fsync of ['always', 'interval', 'never'] as const) {
      const dataDir = temporaryFolder()
      const first = await start({ dataDir, fsync })
      const { send } = await producerOf(first)
      await Promise.all([send('a'), send('b'), send('c')])
      await first.close()
      const { ends } = await producerOf(await start({ dataDir, fsync }))
      expect(await ends()).toBe('3')
    }
  })
})

describe('a full disk', () => {
  test('fails the sends, is logged once, leaves nothing half-written, and passes', async () => {
    const disk = fillable(new MemoryDirectory(systemClock))
    const errors: string[] = []
    const logger = brokerConfig({}).logger.child({})
    logger.error = (_place: unknown, message?: string) => void errors.push(String(message))
    const broker = await startBrokerOn(disk.directory, {
      ...brokerConfig({ fsyncIntervalMs: 60_000 }),
      logger,
    })
    brokers.push(broker)
    const { send, ends, admin } = await producerOf(broker)
    await send('before')
    disk.full = true
    await expect(send('lost')).rejects.toMatchObject({ cause: { type: 'KAFKA_STORAGE_ERROR', code: 56 } })
    const failure = await admin.createTopics({ topics: [{ topic: 'new' }] }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ errors: [{ code: 56 }] })
    expect(errors).toEqual(['The disk refuses to be written'])
    disk.full = false
    await send('after')
    expect(await ends()).toBe('2')
    expect(await admin.listTopics()).toEqual(['orders'])
  })
})

describe('where it listens', () => {
  test.each(['0.0.0.0', '::'])(
    'on all addresses (%s), it sends each client back to where it came',
    async (host) => {
      const broker = await start({ host })
      const kafka = new Kafka({ brokers: [`127.0.0.1:${broker.port}`], logLevel: logLevel.NOTHING })
      const admin = kafka.admin()
      await admin.connect()
      onTestFinished(() => admin.disconnect())
      const { brokers } = await admin.describeCluster()
      expect(brokers).toEqual([{ nodeId: 1, host: '127.0.0.1', port: broker.port }])
      expect(await admin.createTopics({ topics: [{ topic: 'made' }] })).toBe(true)
      expect(broker.brokers).toEqual([`${host === '::' ? '[::1]' : '127.0.0.1'}:${broker.port}`])
    },
  )
})

describe('hostile clients', () => {
  test('can’t crash, hang or fill the broker with 2,000 requests of garbage', {
    timeout: 60_000,
  }, async () => {
    const broker = await start({ requestBytesMax: 1_000_000 })
    const { send, ends } = await producerOf(broker)
    const beforeBytes = process.memoryUsage().rss
    for (let i = 0; i < 2_000; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, j) => attack(broker, garbage(i + j))))
    }
    expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(300 * 1024 * 1024)
    await send('still here')
    expect(await ends()).toBe('1')
  })

  test('that send a length beyond the limit, or an unknown API, are disconnected', async () => {
    const broker = await start({ requestBytesMax: 1_000 })
    for (const bytes of [
      Buffer.from([0, 0, 4, 0]),
      Buffer.from([255, 255, 255, 255]),
      header(999, 0),
      header(1, 12),
    ]) {
      const socket = await connected(broker)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.write(bytes)
      await closed
    }
  })

  test('that ask in another version what there is are told in the oldest', async () => {
    const socket = await connected(await start())
    socket.write(header(18, 3))
    const [answer] = await vi.waitFor(
      () => new Promise<Buffer[]>((resolve) => socket.once('data', (data) => resolve([data]))),
    )
    expect(answer?.readInt32BE(4)).toBe(42)
    expect(answer?.readInt16BE(8)).toBe(35)
    expect(answer?.readInt32BE(10)).toBe(41)
    socket.destroy()
  })

  test('that don’t read what they ask for hold up only themselves', async () => {
    const broker = await start()
    const { send } = await producerOf(broker)
    await send(Buffer.alloc(900_000))
    const beforeBytes = process.memoryUsage().rss
    const socket = await connected(broker)
    socket.pause()
    for (let i = 0; i < 500; i++) socket.write(fetchRequest('orders'))
    await send('others go on')
    expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(150 * 1024 * 1024)
    socket.destroy()
  })
})

describe('closing', () => {
  test('does not wait for those who wait for it', async () => {
    const broker = await start()
    const { send } = await producerOf(broker)
    await send('x')
    const member = clientOf(broker).consumer({ groupId: 'g', maxWaitTimeInMs: 60_000, minBytes: 1_000_000 })
    await member.connect()
    await member.subscribe({ topic: 'orders' })
    const fetching = new Promise((resolve) => member.on(member.events.GROUP_JOIN, resolve))
    await member.run({ eachMessage: async () => {} })
    await fetching
    const before = performance.now()
    await broker.close()
    expect(performance.now() - before).toBeLessThan(2_000)
    await member.disconnect().catch(() => {})
  })
})

describe('a client in the same process', () => {
  test('is served over a pair of streams, without a socket', async () => {
    const broker = await start()
    const [client, server] = duplexPair()
    const served = broker.serve(server)
    client.write(header(18, 2))
    let answer = Buffer.alloc(0)
    client.on('data', (bytes: Buffer) => {
      answer = Buffer.concat([answer, bytes])
    })
    await vi.waitFor(() => expect(answer.length).toBe(4 + 4 + 2 + 4 + 41 * 6 + 4))
    expect(answer.readInt16BE(8)).toBe(0)
    client.destroy()
    await served
  })
})

/** A directory whose files take nothing while it is full. */
function fillable(inner: LogDirectory): { directory: LogDirectory; full: boolean } {
  const state = { full: false, directory: inner }
  const wrap = (directory: LogDirectory): LogDirectory => ({
    path: directory.path,
    files: () => directory.files(),
    rename: (from, to) => directory.rename(from, to),
    remove: (name) => directory.remove(name),
    directories: () => directory.directories(),
    removeDirectory: (name) => directory.removeDirectory(name),
    syncNow: () => directory.syncNow(),
    directory: (name) => wrap(directory.directory(name)),
    open(name) {
      const file = directory.open(name)
      const append = file.append.bind(file)
      file.append = (bytes) => {
        if (state.full)
          throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write' })
        append(bytes)
      }
      return file
    },
  })
  state.directory = wrap(inner)
  return state
}

function connected({ host, port }: EmbeddedBroker): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => resolve(socket))
    socket.once('error', reject)
    socket.on('error', () => {})
  })
}

/** Sends the bytes and waits for an answer or for the end of the connection: one of them must come. */
async function attack(broker: EmbeddedBroker, bytes: Buffer): Promise<void> {
  const socket = await connected(broker)
  await new Promise<void>((resolve) => {
    socket.once('data', () => resolve())
    socket.once('close', () => resolve())
    // Half-closing makes even an incomplete request come to an end.
    socket.end(bytes)
  })
  socket.destroy()
}

const keys = [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 24, 25, 26, 28, 32, 37, 42]
const versions: Record<number, number> = {
  ...{ 0: 7, 1: 11, 2: 3, 3: 6, 8: 5, 9: 4, 10: 2, 11: 5, 12: 3, 13: 3, 14: 3, 15: 2, 16: 2, 18: 2, 19: 3 },
  ...{ 20: 1, 21: 1, 22: 1, 24: 1, 25: 1, 26: 1, 28: 1, 32: 2, 37: 1, 42: 1 },
}

/** Pure noise, noise behind a sound header, sound lengths around noise: a third each. */
function garbage(seed: number): Buffer {
  const noise = randomBytes(seed % 300)
  if (seed % 3 === 0) return noise
  const key = keys[seed % keys.length] ?? 0
  if (seed % 3 === 1) return request(key, versions[key] ?? 0, noise)
  const plausible = new Writer().string('orders').int32(1).string('orders').int32(1).int32(0).bytes(noise)
  return request(key, versions[key] ?? 0, Buffer.concat(plausible.frame()).subarray(4))
}

function header(key: number, version: number): Buffer {
  return request(key, version, Buffer.alloc(0))
}

function request(key: number, version: number, body: Buffer): Buffer {
  const head = Buffer.concat(new Writer().int16(key).int16(version).int32(42).string('test').frame())
  head.writeInt32BE(head.length - 4 + body.length)
  return Buffer.concat([head, body])
}

function fetchRequest(topic: string): Buffer {
  const body = new Writer().int32(-1).int32(0).int32(0).int32(10_000_000).int8(0).int32(0).int32(-1)
  body.array([topic], (name) =>
    body.string(name).array([0], () => body.int32(0).int32(-1).int64(0).int64(-1).int32(10_000_000)),
  )
  body.int32(0).string('')
  return request(1, 11, Buffer.concat(body.frame()).subarray(4))
}
