import { apis } from '../../src/broker/api/apis.ts'
import { serveNode } from '../../src/broker/broker.ts'
import { type BrokerNode, openNode } from '../../src/broker/node.ts'
import { brokerConfig } from '../../src/broker/options.ts'
import { Writer } from '../../src/broker/protocol/writer.ts'
import { createLogger } from '../../src/logger.ts'
import { MemoryDirectory } from '../../src/storage/memory.ts'
import { duplexPair } from '../broker/duplex-pair.ts'
import { batchOf, recordsIn, virtualClock } from '../broker/support.ts'
import { Dice } from './support/dice.ts'
import { withInput } from './support/fuzz-target.ts'

export const name = 'broker-requests'

const clock = virtualClock()
const answerBytesMax = 4 * 1024 * 1024
const clientId = 'fuzz'

/** Kafka's primitive types, some of them not what they should be. */
class Body {
  readonly #dice: Dice
  readonly #strangeness: number
  readonly #writer: Writer

  constructor(dice: Dice, isFlexible: boolean) {
    this.#dice = dice
    this.#writer = new Writer(isFlexible)
    this.#strangeness = dice.pick([0, 0.02, 0.1, 0.3])
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#writer.frame().slice(1))
  }

  int8(value: number): this {
    this.#writer.int8(this.#or(value, [-128, -1, 0, 1, 2, 127]))
    return this
  }

  int16(value: number): this {
    this.#writer.int16(this.#or(value, [-32_768, -2, -1, 0, 1, 32_767]))
    return this
  }

  int32(value: number): this {
    this.#writer.int32(this.#or(value, [-(2 ** 31), -2, -1, 0, 1, 65_536, 100_000_000, 2 ** 31 - 1]))
    return this
  }

  int64(value: number): this {
    this.#writer.int64(this.#or(value, [-(2 ** 63), -2, -1, 0, 1, 2 ** 33, 2 ** 53, 2 ** 62]))
    return this
  }

  string(value: string | null): this {
    const strange = [
      null,
      '',
      '__proto__',
      '../x',
      'a/b',
      '\0',
      'x'.repeat(30_000),
      '日'.repeat(9_000),
      '.',
      '..',
    ]
    this.#writer.string(this.#or(value, strange))
    return this
  }

  bytesOf(value: Buffer): this {
    this.#writer.bytes(value)
    return this
  }

  list<T>(items: readonly T[], item: (value: T) => unknown): this {
    const chosen = this.#dice.chance(this.#strangeness)
      ? this.#dice.list(40, () => this.#dice.pick(items))
      : items
    this.#writer.array(items.length === 0 ? items : chosen, item)
    return this
  }

  structs<T>(items: readonly T[], item: (value: T) => unknown): this {
    return this.list(items, (value) => {
      item(value)
      this.tags()
    })
  }

  /** None, where the version has such. */
  tags(): this {
    this.#writer.noTags()
    return this
  }

  #or<T>(value: T, strange: readonly T[]): T {
    return this.#dice.chance(this.#strangeness) ? this.#dice.pick(strange) : value
  }
}

type Build = (body: Body, dice: Dice) => Body

const topicOf = (dice: Dice) => dice.pick(['plain', 'table', 'nothing'])
const ofTopic =
  (item: (body: Body, dice: Dice) => unknown): Build =>
  (body, dice) =>
    body.list([topicOf(dice)], (topic) => body.string(topic).list([0, 1], (at) => item(body.int32(at), dice)))
const producer: Build = (body, dice) =>
  body
    .string(dice.pick(['a', 'b']))
    .int64(dice.int(4))
    .int16(dice.int(2))
const member: Build = (body, dice) =>
  body
    .string('group')
    .int32(dice.int(3) - 1)
    .string(dice.pick(['', 'ghost']))

/** By its API's name, as kafkajs writes it. */
const requests: Readonly<Record<string, Build>> = {
  ApiVersions: (body) => body,
  Metadata: (body, dice) => body.list([topicOf(dice)], (topic) => body.string(topic)).int8(0),
  FindCoordinator: (body, dice) => body.string('group').int8(dice.int(2)),
  Produce: (body, dice) =>
    ofTopic(() => body.bytesOf(recordBatch(dice)))(
      body
        .string(dice.pick([null, 'a']))
        .int16(-1)
        .int32(1_000),
      dice,
    ),
  Fetch: (body, dice) => {
    const head = body
      .int32(-1)
      .int32(0)
      .int32(0)
      .int32(1 << 20)
      .int8(dice.int(2))
      .int32(0)
      .int32(-1)
    const item = () =>
      body
        .int32(-1)
        .int64(dice.int(9))
        .int64(-1)
        .int32(1 << 16)
    return ofTopic(item)(head, dice)
      .list([], () => body)
      .string('')
  },
  ListOffsets: (body, dice) =>
    ofTopic(() => body.int64(dice.pick([-1, -2, 5])))(body.int32(-1).int8(0), dice),
  OffsetForLeaderEpoch: (body, dice) =>
    ofTopic(() => body.int32(dice.int(3)).int32(dice.int(3)))(body.int32(-1), dice),
  OffsetCommit: (body, dice) => ofTopic(() => body.int64(dice.int(9)).string(null))(member(body, dice), dice),
  OffsetFetch: (body, dice) => ofTopic(() => body)(body.string('group'), dice),
  TxnOffsetCommit: (body, dice) => {
    const head = body.string('a').string('group').int64(dice.int(3)).int16(0)
    return ofTopic(() => body.int64(1).string('m'))(head, dice)
  },
  JoinGroup: (body, dice) =>
    body
      .string('group')
      .int32(10_000)
      .int32(100)
      .string(dice.pick(['', 'ghost']))
      .string(null)
      .string('consumer')
      .list(['a'], (each) => body.string(each).bytesOf(dice.bytes(4))),
  SyncGroup: (body, dice) =>
    member(body, dice)
      .string(null)
      .list(['ghost'], (each) => body.string(each).bytesOf(dice.bytes(4))),
  Heartbeat: (body, dice) => member(body, dice).string(null),
  LeaveGroup: (body) => body.string('group').list(['ghost'], (each) => body.string(each).string(null)),
  ListGroups: (body) => body,
  DescribeGroups: (body) => body.list(['group', 'none'], (each) => body.string(each)).int8(0),
  DeleteGroups: (body) => body.list(['group'], (each) => body.string(each)),
  CreateTopics: (body, dice) =>
    body
      .list([`new${dice.int(9)}`], (each) => {
        const topic = body
          .string(each)
          .int32(dice.pick([1, 2, -1]))
          .int16(1)
          .list([], () => body)
        const config = dice.pick([
          ['cleanup.policy', 'compact'],
          ['segment.bytes', '14'],
          ['bogus', 'x'],
        ] as const)
        topic.list([config], ([setting, value]) => body.string(setting).string(value))
      })
      .int32(1_000)
      .int8(dice.int(2)),
  DeleteTopics: (body, dice) => body.list([topicOf(dice)], (each) => body.string(each)).int32(1_000),
  CreatePartitions: (body, dice) =>
    body
      .list([topicOf(dice)], (each) =>
        body
          .string(each)
          .int32(3)
          .list([], () => body),
      )
      .int32(1_000)
      .int8(0),
  DeleteRecords: (body, dice) => ofTopic(() => body.int64(dice.int(9)))(body, dice).int32(1_000),
  DescribeConfigs: (body, dice) =>
    body
      .list([topicOf(dice)], (each) =>
        body
          .int8(2)
          .string(each)
          .list(['retention.ms'], (key) => body.string(key)),
      )
      .int8(0),
  InitProducerId: (body, dice) => body.string(dice.pick([null, 'a', 'b'])).int32(60_000),
  AddPartitionsToTxn: (body, dice) => ofTopic(() => body)(producer(body, dice), dice),
  AddOffsetsToTxn: (body, dice) => producer(body, dice).string('group'),
  EndTxn: (body, dice) => producer(body, dice).int8(dice.int(2)),
  AlterConfigs: (body, dice) =>
    body
      .structs([topicOf(dice)], (each) =>
        body
          .int8(2)
          .string(each)
          .structs([changeOf(dice)], ([setting, value]) => body.string(setting).string(value)),
      )
      .int8(dice.int(2)),
  IncrementalAlterConfigs: (body, dice) =>
    body
      .structs([topicOf(dice)], (each) =>
        body
          .int8(2)
          .string(each)
          .structs([changeOf(dice)], ([setting, value]) =>
            body.string(setting).int8(dice.int(4)).string(value),
          ),
      )
      .int8(dice.int(2)),
  ListTransactions: (body, dice) =>
    body
      .list(['Ongoing'], (state) => body.string(state))
      .list([1], (id) => body.int64(id))
      .int64(dice.int(9) - 1),
  DescribeTransactions: (body) => body.list(['a', 'b', 'nobody'], (id) => body.string(id)),
  DescribeProducers: (body, dice) => partitionsOf(body, dice),
  DescribeCluster: (body) => body.int8(1).int8(1).int8(0),
  DescribeLogDirs: (body, dice) => partitionsOf(body, dice),
  OffsetDelete: (body, dice) => ofTopic(() => body)(body.string('group'), dice),
  ElectLeaders: (body, dice) => partitionsOf(body.int8(0), dice).int32(1_000),
  ListPartitionReassignments: (body, dice) => partitionsOf(body.int32(1_000), dice),
  DescribeAcls: (body) => body.int8(1).string(null).int8(1).string(null).string(null).int8(1).int8(1),
  CreateAcls: (body) =>
    body.structs(['plain'], (name) =>
      body.int8(2).string(name).int8(3).string('User:a').string('*').int8(3).int8(3),
    ),
  DeleteAcls: (body) =>
    body.structs([null], (name) =>
      body.int8(1).string(name).int8(1).string(null).string(null).int8(1).int8(1),
    ),
  DescribeUserScramCredentials: (body) => body.structs(['alice'], (user) => body.string(user)),
  DescribeClientQuotas: (body) =>
    body.structs(['user'], (type) => body.string(type).int8(0).string('alice')).int8(0),
}

const partitionsOf: Build = (body, dice) =>
  body.structs([topicOf(dice)], (topic) => body.string(topic).list([0, 1], (at) => body.int32(at)))
const changeOf = (dice: Dice) =>
  dice.pick([
    ['cleanup.policy', 'compact'],
    ['retention.ms', '1'],
    ['compression.type', 'gzip'],
    ['bogus', null],
  ] as const)

/** Whatever a client sends is answered, or ends its connection; nothing fails within, and what it does not name stays. */
export async function run(random: () => number): Promise<void> {
  const dice = new Dice(random)
  const problems: string[] = []
  const destination = { write: (line: string) => void problems.push(line) }
  const logger = createLogger({ level: 'error', readable: false, destination })
  const config = brokerConfig({ clock, logger })
  const node = await openNode(new MemoryDirectory(clock), config)
  for (const topic of ['plain', 'table', 'kept'])
    node.services.topics.create({ name: topic, partitionCount: 1, replicationFactor: 1, config: {} }, false)
  node.services.topics.log('kept', 0).append(batchOf([{ key: 'k', value: 'v' }]))
  const served = serveNode(node, config)
  const input = Buffer.concat(Array.from({ length: 1 + dice.int(4) }, () => frame(dice)))
  await withInput(input, async () => {
    await send(served, dice.chance(0.2) ? dice.mutated(input) : input)
    if (problems.length > 0) throw new Error(problems.join(''))
    checkKept(node)
  })
  await served.close()
}

function frame(dice: Dice): Buffer {
  const api = dice.pick([...apis.values()])
  const build = requests[api.name]
  if (!build) throw new Error(`no request is made for ${api.name}`)
  const version = dice.chance(0.02) ? dice.int(20) : dice.pick([api.version, api.versionMax ?? api.version])
  const head = new Writer().int16(api.key).int16(version).int32(dice.int(9)).string(clientId)
  const isFlexible = version >= (api.flexibleFrom ?? Number.POSITIVE_INFINITY)
  const body = build(new Body(dice, isFlexible).tags(), dice).tags()
  const request = Buffer.concat([...head.frame().slice(1), body.bytes])
  const sent = dice.chance(0.2) ? dice.mutated(request) : request
  const length = Buffer.alloc(4)
  length.writeInt32BE(dice.chance(0.02) ? dice.pick([-1, 0, 1, 2 ** 31 - 1]) : sent.length)
  return Buffer.concat([length, sent])
}

function recordBatch(dice: Dice): Buffer {
  const producerId = dice.chance(0.5) ? dice.int(3) : -1
  const batch = batchOf(
    dice.list(3, () => ({ key: 'k', value: dice.chance(0.3) ? null : 'v' })),
    producerId < 0 ? {} : { producerId, baseSequence: dice.int(2), transactional: dice.chance(0.5) },
  )
  return dice.chance(0.3) ? dice.mutated(batch) : batch
}

/** Resolves when nothing more is under way: time stands still, so what waits for it is left waiting. */
async function send({ serve }: ReturnType<typeof serveNode>, bytes: Buffer): Promise<void> {
  const [client, broker] = duplexPair()
  let answered = 0
  client.on('data', (chunk: Buffer) => {
    answered += chunk.length
  })
  const gone = serve(broker, 'test')
  client.write(bytes)
  for (let turns = 0; turns < 6; turns++) await new Promise((resolve) => setImmediate(resolve))
  client.destroy()
  broker.destroy()
  await gone
  if (answered > answerBytesMax) throw new Error(`answered ${answered} bytes`)
}

function checkKept({ services }: BrokerNode): void {
  const log = services.topics.log('kept', 0)
  const kept = recordsIn(log).map(({ key, value }) => `${key}=${value}`)
  if (kept.join() !== 'k=v') throw new Error(`of what was kept, ${kept.join()} is left`)
  if (log.append(batchOf([{ value: 'next' }])).baseOffset !== 1)
    throw new Error('the next record is not the next')
}
