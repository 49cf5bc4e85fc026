import { expect, test } from 'vitest'
import { errorCodes } from '../../src/broker/protocol/error-codes.ts'
import { Reader } from '../../src/broker/protocol/reader.ts'
import { Writer } from '../../src/broker/protocol/writer.ts'
import { RivuletError } from '../../src/errors.ts'
import type { Cluster } from '../../src/kafka/cluster.ts'
import { Fetcher } from '../../src/kafka/fetcher.ts'
import type { ProtocolRequest } from '../../src/kafka/internals.ts'
import { LeaderEpochs } from '../../src/kafka/leader-epochs.ts'
import type { Link } from '../../src/kafka/link.ts'
import { Trouble } from '../../src/kafka/trouble.ts'
import { silentLogger } from '../../src/logger.ts'
import { batchOf, settle, virtualClock } from '../broker/support.ts'

const place = { topic: 'orders', partition: 0 }
const none = -1
/** Long enough for what is repeated after a failure. */
const whileMs = 5_000
const leaseMs = 60_000

/** What a node is asked for, and what it answers: an error, another node, or the records of a log from the offset on. */
interface Asked {
  readonly node: number
  readonly rack: string
}
type Answer = { readonly errorCode?: number; readonly preferredReplica?: number } | 'nothing'

/** Node 1 leads the partition, and node 2 has a replica of it; `answer` says what each of them does. */
function scripted(answer: (asked: Asked) => Answer) {
  const clock = virtualClock()
  const asked: Asked[] = []
  const logEnd = { offset: 0 }
  const values: string[] = []
  const failures: RivuletError[] = []
  let lookUps = 0
  const nodeOf = (node: number): Link => ({
    broker: undefined as never,
    isOpen: () => true,
    destroy: () => {},
    async send<T>({ request, response }: ProtocolRequest<T>) {
      const wanted = readFetch((await request.encode()).buffer)
      asked.push({ node, rack: wanted.rack })
      const said = answer({ node, rack: wanted.rack })
      if (said === 'nothing')
        throw new RivuletError('KAFKA_UNREACHABLE', `node ${node} is away`, { retryable: true })
      if (wanted.offset >= logEnd.offset) await clock.sleep(500)
      const bytes = answerOf({ errorCode: errorCodes.none, preferredReplica: none, ...said }, wanted, logEnd)
      return response.parse(await response.decode(bytes))
    },
  })
  const cluster = {
    options: {
      ...{ clock, logger: silentLogger, brokers: [], clientId: 'test', clientRack: 'here' },
      trouble: new Trouble({ clock, logger: silentLogger }),
    },
    leaderEpochs: new LeaderEpochs(),
    leaderOf: async () => {
      lookUps++
      return { nodeId: 1, epoch: 0 }
    },
    forgetLeader: () => {},
    withNode: (node, _use, _what, work) => work(nodeOf(node)),
    withLeader: (_of, _use, _what, work) => work(nodeOf(1)),
    closeUse: () => {},
  } satisfies Partial<Cluster> as Partial<Cluster> as Cluster
  const fetcher = new Fetcher({
    cluster,
    use: 'test',
    limits: { waitMsMax: 500, bytesMax: 1_000_000, partitionBytesMax: 1_000_000 },
    fetched: ({ chunk }) => values.push(...[...chunk.values].map(String)),
    skipped: () => {},
    failed: (error) => failures.push(error),
  })
  fetcher.add(place, 0)
  return {
    ...{ clock, asked, values, failures, fetcher },
    lookUps: () => lookUps,
    /** Writes a record, and lets the fetcher have it. */
    async write() {
      logEnd.offset++
      await clock.advance(whileMs)
    },
  }
}

function readFetch(bytes: Buffer) {
  const reader = new Reader(bytes)
  for (let field = 0; field < 4; field++) reader.int32()
  reader.int8()
  for (let field = 0; field < 2; field++) reader.int32()
  const [topic] = reader.array(() => {
    reader.string()
    return reader.array(() => {
      for (let field = 0; field < 2; field++) reader.int32()
      const offset = reader.int64()
      reader.int64()
      reader.int32()
      return offset
    })
  })
  reader.array(() => undefined)
  return { offset: topic?.[0] as number, rack: reader.string() }
}

/** Of a node that has a record at each offset. One that names another node answers nothing else, as Kafka's do. */
function answerOf(
  { errorCode, preferredReplica }: { errorCode: number; preferredReplica: number },
  wanted: { readonly offset: number },
  logEnd: { readonly offset: number },
): Buffer {
  const isElsewhere = preferredReplica !== none || errorCode !== errorCodes.none
  const end = isElsewhere ? -1 : logEnd.offset
  const records = Array.from({ length: Math.max(0, end - wanted.offset) }, (_, i) => {
    const batch = batchOf([{ value: `${wanted.offset + i}` }])
    batch.writeBigInt64BE(BigInt(wanted.offset + i))
    return batch
  })
  const writer = new Writer().int32(0).int16(errorCodes.none).int32(0)
  writer.array([place], ({ topic, partition }) => {
    writer.string(topic).array([partition], (each) =>
      writer
        .int32(each)
        .int16(errorCode)
        .int64(end)
        .int64(end)
        .int64(isElsewhere ? -1 : 0)
        .array([], () => {})
        .int32(preferredReplica)
        .records(Buffer.concat(records)),
    )
  })
  return Buffer.concat(writer.frame().slice(1))
}

const namesNode2 = ({ node, rack }: Asked): Answer =>
  node === 1 && rack === 'here' ? { preferredReplica: 2 } : {}

test('a fetcher says where it is, and reads from the replica that the leader names', async () => {
  const { asked, values, write, clock, fetcher, lookUps } = scripted(namesNode2)
  await settle()
  await write()
  await write()
  expect(values).toEqual(['0', '1'])
  expect(asked[0]).toEqual({ node: 1, rack: 'here' })
  expect(asked.length).toBeGreaterThan(2)
  expect(asked.slice(1).every(({ node }) => node === 2)).toBe(true)
  await clock.advance(leaseMs)
  await write()
  expect(values).toEqual(['0', '1', '2'])
  // Asked again, the leader named it once more.
  expect(asked.filter(({ node }) => node === 1)).toHaveLength(2)
  expect(lookUps()).toBe(1)
  fetcher.stop()
})

test('a fetcher goes back to the leader where that names no replica any more', async () => {
  let keepsUp = true
  const { asked, values, write, clock, fetcher } = scripted((by) => (keepsUp ? namesNode2(by) : {}))
  await write()
  expect(asked.at(-1)?.node).toBe(2)
  keepsUp = false
  await clock.advance(leaseMs)
  const before = asked.length
  await write()
  expect(asked.slice(before).map(({ node }) => node)).not.toContain(2)
  expect(values).toEqual(['0', '1'])
  fetcher.stop()
})

test.each<[what: string, answer: Answer]>([
  ['does not answer', 'nothing'],
  ['is not one any more', { errorCode: errorCodes.notLeaderOrFollower }],
  ['knows another epoch', { errorCode: errorCodes.fencedLeaderEpoch }],
  ['has not got the offset', { errorCode: errorCodes.offsetOutOfRange }],
])(
  'a fetcher gives up a replica that %s, and does not let the leader name it for a while',
  async (_, fault) => {
    const { asked, values, write, clock, failures, fetcher, lookUps } = scripted((by) =>
      by.node === 2 ? fault : namesNode2(by),
    )
    await write()
    await write()
    expect(values).toEqual(['0', '1'])
    expect(failures).toEqual([])
    expect(asked.slice(0, 3)).toEqual([
      { node: 1, rack: 'here' },
      { node: 2, rack: '' },
      { node: 1, rack: '' },
    ])
    expect(asked.slice(3).every(({ node, rack }) => node === 1 && rack === '')).toBe(true)
    expect(lookUps()).toBe(1) // Nothing was wrong with the leader.
    await clock.advance(leaseMs)
    expect(asked.filter(({ node }) => node === 2)).toHaveLength(2)
    fetcher.stop()
  },
)
