import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom, toArray } from 'rxjs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type EmbeddedBroker, startBroker } from '../../src/broker/index.ts'
import { compressions } from '../../src/compression/compression.ts'
import { connectKafka, type Fetched, type Kafka, type OutgoingRecords } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'
import { storedCompressions } from '../support/stored-compressions.ts'
import { type ForeignClient, foreignClients, type Outcomes, outcomesOf } from './clients/foreign-client.ts'

const timeoutMs = 120_000
const startMs = 1_700_000_000_000
const plain = Array.from({ length: 100 }, (_, i) => i)
/** What every client writes, and reads. */
const records: OutgoingRecords = {
  keys: [...['k', null, 't'].map(bytes), ...plain.map((i) => bytes(`k${i % 3}`))],
  values: [...['v', 'no key', null].map(bytes), ...plain.map((i) => bytes(`value ${i} ${'abc'.repeat(20)}`))],
  timestampsMs: [...[123, 1, 456], ...plain.map((i) => 1_000 + i)].map((ms) => startMs + ms),
  headers: [
    [
      ['h', Buffer.from('x')],
      ['e', Buffer.alloc(0)],
    ],
    ...Array<undefined>(plain.length + 2).fill(undefined),
  ],
}
/** Nothing makes it shorter, so that its batch is nearly as large as the largest one that a topic takes. */
const largest = randomBytes(1_000_000)

const commands = ['topics', 'settings', 'groups', 'offsets by time', 'deletes', 'offsets in transactions']
const features = ['write', 'append', 'transactions', 'large', 'read'] as const
const columns = {
  write: 'writes',
  read: 'reads',
  transactions: 'transactions',
  append: 'LogAppendTime',
  large: 'largest',
} as const

const folder = mkdtempSync(join(tmpdir(), 'rivulet-clients-'))
const runs = new Map<ForeignClient, Run | { readonly unavailable: string }>()

interface Run {
  readonly dataDir: string
  readonly broker: EmbeddedBroker
  readonly kafka: Kafka
  readonly outcomes: Outcomes
}

/** All at once: they wait for most of the time. */
beforeAll(async () => {
  await Promise.all(foreignClients.map(async (client) => runs.set(client, await runOf(client))))
}, 600_000)

afterAll(async () => {
  for (const run of runs.values()) {
    if ('unavailable' in run) continue
    await run.kafka.close()
    await run.broker.close()
  }
  rmSync(folder, { recursive: true })
})

async function runOf(client: ForeignClient): Promise<Run | { readonly unavailable: string }> {
  const program = await client.program()
  if ('unavailable' in program) return program
  const dataDir = mkdtempSync(join(folder, 'data-'))
  const broker = await startBroker({ dataDir })
  const kafka = connectKafka({ brokers: broker.brokers, clientId: 'rivulet', logger: silentLogger })
  await prepare(kafka)
  const large = { path: join(folder, `${broker.port}`), value: largest }
  return { dataDir, broker, kafka, outcomes: await outcomesOf(program, broker.brokers, large, timeoutMs) }
}

async function prepare(kafka: Kafka): Promise<void> {
  const config = { 'retention.ms': '-1' }
  const stamped = { ...config, 'message.timestamp.type': 'LogAppendTime' }
  await kafka.admin.ensureTopics(
    compressions.flatMap((codec) => [
      ...['written', 'transactions', 'large', 'rivulet'].map((name) => ({
        ...{ name: `${name}-${codec}`, partitions: 1, config },
      })),
      { name: `appended-${codec}`, partitions: 1, config: stamped },
    ]),
  )
  for (const compression of compressions) {
    const producer = kafka.producer({ compression })
    await producer.send(`rivulet-${compression}`, 0, records)
    await producer.close()
  }
}

describe.each(foreignClients)('$name', (client) => {
  let run: Run
  beforeEach((context) => {
    const found = runs.get(client) ?? { unavailable: 'it was not run' }
    if ('unavailable' in found) context.skip(found.unavailable)
    else run = found
  })

  const has = (check: string) => !client.lacks?.some((word) => check.includes(word))
  const checks = [...commands, ...compressions.flatMap((codec) => features.map((each) => `${each} ${codec}`))]

  test.each(checks.filter(has))('can: %s', (check) => {
    expect(run.outcomes.get(check) ?? run.outcomes.get('all')).toBe('ok')
  })

  describe.each(compressions.filter(has))('and %s', (codec) => {
    test.runIf(has(`write ${codec}`))(
      'what it has written is read: keys, nulls, headers, times',
      async () => {
        const found = await readAll(run.kafka, `written-${codec}`)
        expect(found).toEqual(rowsOf(records))
      },
    )

    test('it has really compressed it so', async () => {
      expect(await storedCompressions(run.dataDir, `written-${codec}`)).toEqual([codec])
    })

    test('what the broker has stamped has the broker’s time', async () => {
      const found = await readAll(run.kafka, `appended-${codec}`)
      expect(found.map(({ value }) => value)).toEqual(rowsOf(records).map(({ value }) => value))
      for (const { timestampMs } of found) expect(Math.abs(timestampMs - Date.now())).toBeLessThan(600_000)
    })

    if (has(`transactions ${codec}`)) {
      test('what it has committed is read, and nothing that it aborted', async () => {
        const found = await readAll(run.kafka, `transactions-${codec}`)
        const ten = Array.from({ length: 10 }, (_, i) => `committed ${i}`)
        expect(found.map(({ value }) => value)).toEqual([...ten, ...ten])
      })
    }

    test('the largest message is read', async () => {
      const [fetched] = await fetchAll(run.kafka, `large-${codec}`)
      expect(fetched?.chunk.values.at(0)?.equals(largest)).toBe(true)
    })
  })
})

test('the table in the documentation says what was seen', (context) => {
  const missing = [...runs].find(([, run]) => 'unavailable' in run)
  if (missing) context.skip(`${missing[0].name} was not run`)
  expect(readFileSync('docs/clients.md', 'utf8')).toContain(tableOf(runs))
})

function tableOf(all: typeof runs): string {
  const head = ['client', 'compression', ...Object.values(columns)]
  const rows = [...foreignClients].flatMap((client) => {
    const run = all.get(client)
    const outcomes = run && 'outcomes' in run ? run.outcomes : new Map<string, string>()
    return compressions.map((codec) => {
      const cells = Object.keys(columns).map((feature) => cellOf(outcomes.get(`${feature} ${codec}`)))
      return [client.name, codec, ...cells]
    })
  })
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function cellOf(outcome = 'absent'): string {
  if (outcome === 'ok') return 'yes'
  return outcome.startsWith('absent') ? '–' : 'no'
}

function bytes(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text)
}

function rowsOf({ keys, values, timestampsMs, headers }: OutgoingRecords) {
  return timestampsMs.map((timestampMs, i) => ({
    key: keys[i]?.toString() ?? null,
    value: values[i]?.toString() ?? null,
    timestampMs,
    headers: (headers?.[i] ?? []).map(([name, value]) => [name, String(value)]),
  }))
}

async function fetchAll(kafka: Kafka, topic: string): Promise<Fetched[]> {
  const [range] = await kafka.admin.offsets(topic)
  return firstValueFrom(kafka.read(topic, 0, { toOffset: range?.endOffset ?? 0 }).pipe(toArray()))
}

async function readAll(kafka: Kafka, topic: string) {
  const fetched = await fetchAll(kafka, topic)
  return fetched.flatMap(({ chunk: { keys, values, timestampsMs, headers = [] } }) =>
    rowsOf({ keys: [...keys], values: [...values], timestampsMs, headers }),
  )
}
