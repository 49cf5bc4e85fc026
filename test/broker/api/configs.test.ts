import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startBroker } from '../../../src/broker/index.ts'
import { errorCodes } from '../../../src/broker/protocol/error-codes.ts'
import type { Reader } from '../../../src/broker/protocol/reader.ts'
import { batchOf } from '../support.ts'
import { brokerToAsk, isAtItsEnd } from './asked.ts'
import { javaRequests } from './java-requests.ts'

const requests = javaRequests.incrementalAlterConfigs

/** Of the one topic that was asked for: what was said, or nothing. */
function outcomeOf(reader: Reader) {
  expect(reader.int32()).toBe(0)
  const [outcome] = reader.structs(() => ({
    errorCode: reader.int16(),
    message: reader.nullableString(),
    resource: [reader.int8(), reader.string()],
  }))
  expect(isAtItsEnd(reader)).toBe(true)
  expect(outcome?.resource).toEqual([2, 'orders'])
  return [outcome?.errorCode, outcome?.message]
}

describe('the settings of a topic', () => {
  test('are changed at once, and for good', async () => {
    const { ask, node, clock, close, directory } = await brokerToAsk()
    const log = node.services.topics.log('orders', 0)
    log.append(batchOf([{ value: 'old' }], { timestampMs: clock.now() }))
    await clock.advance(5_001)
    await node.tidy()
    expect(log.startOffset).toBe(0)
    expect(outcomeOf(await ask(requests.setRetention))).toEqual([errorCodes.none, null])
    await node.tidy()
    expect(log.startOffset).toBe(1)
    await close()
    const again = await brokerToAsk(directory)
    expect(again.node.services.topics.get('orders')?.config).toEqual({ 'retention.ms': '5000' })
    expect(again.node.services.topics.log('orders', 1).config.retentionMs).toBe(5_000)
    expect(outcomeOf(await again.ask(requests.deleteRetention))).toEqual([errorCodes.none, null])
    expect(again.node.services.topics.log('orders', 1).config.retentionMs).toBe(604_800_000)
    await again.close()
  })

  test('that are lists are added to and taken from', async () => {
    const { ask, node } = await brokerToAsk()
    const { topics } = node.services
    expect(outcomeOf(await ask(requests.appendCompact))).toEqual([errorCodes.none, null])
    expect(topics.get('orders')?.config).toEqual({ 'cleanup.policy': 'delete,compact' })
    expect(outcomeOf(await ask(requests.subtractDelete))).toEqual([errorCodes.none, null])
    expect(topics.get('orders')?.config).toEqual({ 'cleanup.policy': 'compact' })
    expect(topics.log('orders', 0).config).toMatchObject({ compacts: true, deletes: false })
  })

  test.each([
    [requests.setCompression, /^This broker does not heed compression\.type, .* What can: cleanup\.policy, /],
    [requests.appendToRetention, /^Nothing can be added to or taken from retention\.ms/],
  ])('stay as they are where the change means nothing, and it is said', async (request, why) => {
    const { ask, node } = await brokerToAsk()
    const [errorCode, message] = outcomeOf(await ask(request))
    expect([errorCode, message]).toEqual([errorCodes.invalidConfig, expect.stringMatching(why)])
    expect(node.services.topics.get('orders')?.config).toEqual({})
  })

  test('are described with what they would be by default', async () => {
    const { ask } = await brokerToAsk()
    await ask(requests.setRetention)
    const reader = await ask(javaRequests.describeConfigs.ofOrders)
    expect(reader.int32()).toBe(0)
    const [described] = reader.structs(() => ({
      fault: [reader.int16(), reader.nullableString()],
      resource: [reader.int8(), reader.string()],
      entries: reader.structs(() => ({
        named: [reader.string(), reader.nullableString()],
        isReadOnly: reader.boolean(),
        source: reader.int8(),
        isSensitive: reader.boolean(),
        synonyms: reader.structs(() => [reader.string(), reader.string(), reader.int8()]),
        type: reader.int8(),
        documentation: reader.nullableString(),
      })),
    }))
    expect(isAtItsEnd(reader)).toBe(true)
    expect(described).toMatchObject({ fault: [0, null], resource: [2, 'orders'] })
    const changed = described?.entries.filter(({ source }) => source === 1)
    expect(changed).toEqual([
      {
        ...{ named: ['retention.ms', '5000'], isReadOnly: false, isSensitive: false, source: 1 },
        synonyms: [
          ['retention.ms', '5000', 1],
          ['retention.ms', '604800000', 5],
        ],
        ...{ type: 0, documentation: null },
      },
    ])
  })

  test('are replaced all together by older clients, and not at all where one is refused', async () => {
    const broker = await startBroker()
    const admin = new Kafka({ brokers: broker.brokers, logLevel: logLevel.NOTHING }).admin()
    onTestFinished(async () => {
      await admin.disconnect()
      await broker.close()
    })
    await admin.connect()
    const configEntries = [
      { name: 'retention.ms', value: '1000' },
      { name: 'compression.type', value: 'gzip' },
    ]
    await admin.createTopics({ topics: [{ topic: 'orders', configEntries }] })
    const alter = (type: number, name: string, values: Record<string, string>, validateOnly = false) =>
      admin.alterConfigs({
        validateOnly,
        resources: [
          { type, name, configEntries: Object.entries(values).map(([key, value]) => ({ name: key, value })) },
        ],
      })
    const changed = async () => {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: 2, name: 'orders' }],
      })
      const entries = resources[0]?.configEntries ?? []
      return Object.fromEntries(
        entries
          .filter(({ configSource }) => (configSource as unknown as number) === 1)
          .map(({ configName, configValue }) => [configName, configValue]),
      )
    }
    const kept = { 'compression.type': 'gzip' }
    await alter(2, 'orders', { ...kept, 'max.message.bytes': '2000' })
    expect(await changed()).toEqual({ ...kept, 'max.message.bytes': '2000' })
    await alter(2, 'orders', { ...kept, 'max.message.bytes': '3000' }, true)
    for (const [type, name, values] of [
      [2, 'orders', { 'retention.ms': '1' }], // Without its compression: that would be a change, too.
      [2, 'orders', { ...kept, 'retention.ms': 'soon' }],
      [2, 'orders', { ...kept, bogus: '1' }],
      [2, 'missing', { 'retention.ms': '1' }],
      [4, '1', { 'log.retention.ms': '1' }],
    ] as const) {
      await expect(alter(type, name, values)).rejects.toThrow()
    }
    expect(await changed()).toEqual({ ...kept, 'max.message.bytes': '2000' })
  })
})
