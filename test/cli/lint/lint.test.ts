import { describe, expect, test } from 'vitest'
import { findingsIn } from '../../../src/cli/lint/lint.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import { queryable } from '../../../src/stream/queryable.ts'
import { untilTimeLimit, untilWindowCloses } from '../../../src/stream/suppression.ts'
import { topic } from '../../../src/stream/topic.ts'
import { type Declare, topology } from '../../../src/stream/topology.ts'
import { within } from '../../../src/windows/join-window.ts'
import { session, sliding, tumbling } from '../../../src/windows/windows.ts'

const numbers = { key: serdes.string, value: serdes.long }
const clicks = topic('clicks', numbers)
const users = topic('users', { ...numbers, config: { 'cleanup.policy': 'compact' } })
const many = topic('many', { ...numbers, partitions: 3 })
const sum = (a: number, b: number) => a + b
const graced = tumbling({ sizeMs: 60_000, graceMs: 5_000 })

/** `level rule at step`, of each finding. */
async function found(declare: (declare: Declare) => void): Promise<string[]> {
  const findings = await findingsIn(topology('app', declare))
  return findings.map(({ level, rule, step }) => `${level} ${rule} at ${step}`)
}

describe('lint', () => {
  test('finds nothing where all is said', async () => {
    const findings = await found(({ stream, table }) => {
      const rows = table(users, { store: 'users' })
      stream(clicks).join('with user', rows, sum)
      const windows = stream(clicks)
        .groupBy('by parity', (n) => String(n % 2))
        .windowedBy(graced)
        .count('per minute', { retentionMs: 600_000 })
      windows.suppress('closed', untilWindowCloses, { recordsMax: 1_000, whenFull: 'shutDown' })
      stream(clicks).join('near', stream(topic('other', numbers)), sum, within({ ms: 5 }))
      return { windows: queryable(windows) }
    })
    expect(findings).toEqual([])
  })

  test('finds what is joined and partitioned differently', async () => {
    const join = (partitions: number) =>
      found(({ stream }) => {
        const other = stream(topic('other', { ...numbers, partitions }))
        stream(many).join('both', other, sum, within({ ms: 5 }))
      })
    expect(await join(2)).toEqual(['error co-partitioning at both'])
    expect(await join(3)).toEqual([])
  })

  test('finds a join window in which nothing can be', async () => {
    const join = (window: ReturnType<typeof within>) =>
      found(({ stream }) => {
        stream(clicks).join('both', stream(topic('other', numbers)), sum, window)
      })
    expect(await join(within({ ms: 0 }))).toEqual(['error empty-join-window at both'])
    expect(await join(within({ ms: 0, graceMs: 1 }))).toEqual([])
    expect(await join(within({ beforeMs: 0, afterMs: 1 }))).toEqual([])
  })

  test('finds stores and topics that are named by the place of their step', async () => {
    const findings = await found(({ stream, table }) => {
      stream(clicks).groupByKey().count()
      stream(clicks)
        .groupBy((n) => String(n))
        .count('named')
      stream(clicks)
        .groupBy((n) => String(-n))
        .reduce(sum)
      stream(clicks)
        .map((n) => [String(n), n])
        .repartition()
      stream(clicks).leftJoin(stream(many), (a) => a, within({ ms: 5 }))
      table(users).join(table(topic('others', users)), { foreignKey: String }, sum)
    })
    expect(findings.filter((finding) => finding.includes('generated-names'))).toEqual([
      'warning generated-names at count',
      'warning generated-names at reduce',
      'warning generated-names at repartition',
      'warning generated-names at leftJoin',
      'warning generated-names at join',
    ])
  })

  test('takes a store that was named for a name, whatever its step is called', async () => {
    const findings = await found(({ stream }) => {
      stream(clicks).groupByKey().count({ store: 'clicks per user' })
    })
    expect(findings).toEqual([])
  })

  test('finds windows that can be asked for, and are forgotten when they close', async () => {
    const kept = (retentionMs?: number) =>
      found(({ stream }) => {
        const windows = stream(clicks)
          .groupByKey()
          .windowedBy(graced)
          .count('per minute', retentionMs === undefined ? {} : { retentionMs })
        return { windows: queryable(windows) }
      })
    expect(await kept()).toEqual(['warning forgotten-windows at per minute'])
    expect(await kept(600_000)).toEqual([])
    const unasked = await found(({ stream }) => {
      stream(clicks).groupByKey().windowedBy(graced).count('per minute')
    })
    expect(unasked).toEqual([])
  })

  test('finds windows without grace, of whatever kind', async () => {
    const findings = await found(({ stream }) => {
      const grouped = stream(clicks).groupByKey()
      grouped.windowedBy(tumbling({ sizeMs: 10 })).count('tumbling')
      grouped.windowedBy(sliding({ differenceMs: 10 })).count('sliding')
      grouped.windowedBy(session({ gapMs: 10 })).count('session')
      grouped.windowedBy(graced).count('graced')
    })
    expect(findings).toEqual([
      'warning no-grace at tumbling',
      'warning no-grace at sliding',
      'warning no-grace at session',
    ])
  })

  test('finds a suppression without bounds', async () => {
    const findings = await found(({ stream }) => {
      const counts = stream(clicks).groupByKey().count('counts')
      counts.suppress('unbounded', untilTimeLimit({ limitMs: 1_000 }))
      counts.suppress('bounded', untilTimeLimit({ limitMs: 1_000 }), { recordsMax: 9, whenFull: 'emitEarly' })
    })
    expect(findings).toEqual(['warning unbounded-suppress at unbounded'])
  })

  test('finds a table whose topic keeps every update', async () => {
    const findings = await found(({ table, globalTable }) => {
      table(topic('rows', numbers), { store: 'rows' })
      globalTable(topic('aged', { ...numbers, config: { 'retention.ms': '1000' } }))
      table(users, { store: 'users' })
    })
    expect(findings).toEqual(['warning uncompacted-table at rows', 'warning uncompacted-table at aged'])
  })

  test('finds records that go through two topics of the same content', async () => {
    const findings = await found(({ stream }) => {
      const rekeyed = stream(clicks).map('rekeyed', (n) => [String(n), n])
      rekeyed.groupByKey().count('counts')
      rekeyed.groupByKey().reduce('sums', sum)
      const once = rekeyed.repartition('once')
      once.groupByKey().count('more counts')
      once.groupByKey().reduce('more sums', sum)
    })
    expect(findings).toEqual(['warning repeated-repartition at rekeyed'])
  })

  test('says of each finding why it matters and what to do', async () => {
    const [finding] = await findingsIn(
      topology('app', ({ stream }) => {
        stream(clicks).groupByKey().count()
      }),
    )
    expect(finding).toEqual({
      rule: 'generated-names',
      level: 'warning',
      step: 'count',
      what: 'the store "count": named by its place among the steps',
      why: 'another step before it gives it another name, and what it has stored is lost',
      mend: "name it, as the step's first argument",
    })
  })
})
