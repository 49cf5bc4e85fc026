import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { kafkaSettings } from '../../src/app/program-settings.ts'
import { toldBy } from '../../src/app/read-settings.ts'
import { deadLetters } from '../../src/cli/dead-letters.ts'
import { lastHeader } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { recordedIo } from '../support/recorded-io.ts'

const numbers = topic('numbers', { key: serdes.string, value: serdes.long })
const texts = topic('numbers', { key: serdes.string, value: serdes.string })
const app = topology('app', ({ stream }) => {
  stream(numbers).foreach(() => {})
})
const trace = ['trace', Buffer.from('t')] as const

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

/** Each of these is put away by the topology, and the topology is stopped. */
async function putAway(...values: readonly string[]): Promise<void> {
  await rig.kafka.admin.ensureTopics([{ name: 'numbers', partitions: 2 }])
  const producer = rig.kafka.producer()
  await producer.send('numbers', 1, {
    keys: values.map(() => Buffer.from('k')),
    values: values.map((value) => Buffer.from(value)),
    timestampsMs: values.map(() => 7),
    headers: values.map(() => [trace]),
  })
  const running = rig.run(app)
  await rig.workedOff([running], ['numbers'])
  await running.stop()
}

async function command(options: { readonly show?: string; readonly resend?: boolean } = {}) {
  const { io, said } = recordedIo()
  const { config } = toldBy(kafkaSettings, {}, { KAFKA_BROKERS: rig.broker.brokers.join(',') })
  const code = await deadLetters(app, { topicPrefix: '', resend: false, ...options }, config, io)
  return { code, ...said }
}

const sentBack = async () => (await rig.read(texts)).filter(({ partition }) => partition === 1)

describe('the dead letters of a topology', () => {
  test('are listed with place, origin, step, stack hash and reason', async () => {
    await putAway('bad', 'worse')
    const { code, out } = await command()
    expect(code).toBe(0)
    expect(out.split('\n')).toEqual([
      expect.stringMatching(
        /^numbers-dead-letters\/0:\d+ {2}numbers\/1:0 {2}numbers {2}[0-9a-f]{16} {2}value: not a long/,
      ),
      expect.stringMatching(/^numbers-dead-letters\/0:\d+ {2}numbers\/1:1 /),
      '2 dead letters in numbers-dead-letters',
      '',
    ])
  })

  test('are shown whole, one by its place', async () => {
    await putAway('bad')
    const place = (await command()).out.split(' ')[0] as string
    const { out } = await command({ show: place })
    for (const line of ['time: 1970-01-01T00:00:00.007Z', 'trace: t', 'offset: 0', 'key: k', 'bad'])
      expect(out.split('\n')).toContain(line)
    expect(await command({ show: 'numbers-dead-letters/0:999' })).toMatchObject({ code: 1, out: '' })
    await expect(command({ show: 'somewhere' })).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  })

  test('are sent back to where they came from, as they were, each once', async () => {
    await putAway('bad', 'worse')
    expect((await command({ resend: true })).out).toMatch(/^sent back .*\nsent back .*\n$/)
    const records = await sentBack()
    expect(records.map(({ value }) => value)).toEqual(['bad', 'worse', 'bad', 'worse'])
    expect(records.at(-1)).toMatchObject({ key: 'k', timestampMs: 7, headers: [trace] })
    expect(lastHeader(records.at(-1)?.headers, 'topic')).toBeUndefined()

    expect((await command({ resend: true })).out).toBe('')
    expect(await sentBack()).toHaveLength(4)
    expect((await command()).out).toContain('(sent back)')

    await putAway('new')
    await command({ resend: true })
    // What was sent back is bad still, so it is a new letter, and goes back once more.
    expect((await sentBack()).map(({ value }) => value).slice(4)).toEqual(['new', 'bad', 'worse', 'new'])
  })

  test('are sent back by one at a time: who is second shuts out the first, and nothing goes back twice', async () => {
    await putAway(...Array.from({ length: 50 }, (_, i) => `bad ${i}`))
    await Promise.allSettled([command({ resend: true }), command({ resend: true })])
    await command({ resend: true })
    expect(await sentBack()).toHaveLength(100)
  })
})
