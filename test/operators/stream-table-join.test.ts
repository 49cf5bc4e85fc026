import { ignoreElements, map, merge } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { standalone } from '../../src/operators/operator.ts'
import { streamTableJoin } from '../../src/operators/stream-table-join.ts'
import { upsert } from '../../src/operators/upsert.ts'
import { type Headers, recordsOf } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import { rowReader } from '../../src/state/row-reader.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { Drive, out, text } from '../support/drive.ts'
import { chunk } from '../support/operator-family.ts'

const joiner = (left: string, right: string | null) => `${left}+${right}`

describe('a join of a stream with a table', () => {
  test('rule 11: only the stream triggers, and its timestamp stays', () => {
    const drive = new Drive(({ stream, table }) =>
      stream(text('s'))
        .join(table(text('t')), joiner)
        .to(out),
    )
    expect(drive.step('s:a=x@1', 't:a=T@5', 's:a=y@2', 't:a=@6', 's:a=z@7')).toEqual([
      [],
      [],
      ['a=y+T@2'],
      [],
      [],
    ])
  })

  test('rule 30: a null stream value is dropped from a left join too, a null key is not', () => {
    const drive = new Drive(({ stream, table }) => {
      stream(text('s'))
        .leftJoin(table(text('t')), joiner)
        .to(out)
    })
    expect(drive.step('s:a=@1', 's:=x@2', 's:a=y@3')).toEqual([[], ['=x+null@2'], ['a=y+null@3']])
    expect(drive.dropped).toBe(1)
  })

  test('rule 27: a versioned table gives the row as of the timestamp of the stream', () => {
    const drive = new Drive(({ stream, table }) => {
      stream(text('s'))
        .leftJoin(table(text('t'), { versionedMs: 1_000 }), joiner)
        .to(out)
    })
    drive.step('t:a=v1@10', 't:a=v2@20')
    expect(drive.step('s:a=x@15', 's:a=y@20', 's:a=z@5').flat()).toEqual([
      'a=x+v1@15',
      'a=y+v2@20',
      'a=z+null@5',
    ])
  })

  test('rule 27: … through a step that keeps no rows of its own', () => {
    const drive = new Drive(({ stream, table }) => {
      const upper = table(text('t'), { versionedMs: 1_000 }).mapValues((value) => value.toUpperCase())
      stream(text('s')).join(upper, joiner).to(out)
    })
    drive.step('t:a=v1@10', 't:a=v2@20')
    expect(drive.step('s:a=x@15')).toEqual([['a=x+V1@15']])
  })

  test('rule 27: with grace, records wait by time until the stream has passed them by it', () => {
    const drive = new Drive(({ stream, table }) => {
      const t = table(text('t'), { versionedMs: 1_000 })
      stream(text('s')).leftJoin('j', t, joiner, { graceMs: 10 }).to(out)
    })
    expect(drive.step('t:a=v1@10', 's:a=x@15', 's:a=y@12', 't:a=v2@14', 's:a=z@26', 's:a=late@15')).toEqual([
      [],
      [],
      [],
      [],
      ['a=y+v1@12', 'a=x+v2@15'],
      ['a=late+v2@15'],
    ])
  })

  test('a record that waited keeps its own headers', () => {
    const drive = new Drive(({ stream, table }) => {
      const t = table(text('t'), { versionedMs: 1_000 })
      stream(text('s')).leftJoin('j', t, joiner, { graceMs: 10 }).to(out)
    })
    const header = (trace: string): Headers => [['trace', Buffer.from(trace)]]
    drive.driver.pipe('s', { key: 'a', value: 'x', timestampMs: 1, headers: header('x') })
    drive.driver.pipe('s', { key: 'a', value: 'y', timestampMs: 50, headers: header('y') })
    expect(drive.driver.read(out)).toMatchObject([{ value: 'x+null', headers: header('x') }])
  })

  test('refuses grace for a table that keeps no past', () => {
    const declare = () =>
      new Drive(({ stream, table }) => stream(text('s')).join('j', table(text('t')), joiner, { graceMs: 1 }))
    expect(declare).toThrow('"j" waits graceMs for a table that is not versioned')
  })

  test('rule 15: a stream with a new key is repartitioned to the table, a left join with its null keys', () => {
    const drive = new Drive(({ stream, table }) => {
      stream(text('s'))
        .selectKey((value) => value)
        .leftJoin('j', table(text('t')), joiner)
        .to(out)
    })
    expect(drive.step('t:x=T@1', 's:a=x@2', 's:a=@3')).toEqual([[], ['x=x+T@2'], []])
    const topics = drive.driver.subTopologies.flatMap(({ nodes }) => nodes.map(({ name }) => name))
    expect(topics).toContain('j-repartition')
    expect(drive.dropped).toBe(1)
  })
})

describe('a join of a stream with a global table', () => {
  test('takes any row, keeps the key of the stream, and repartitions nothing', () => {
    const drive = new Drive(({ stream, globalTable }) => {
      const g = globalTable(text('g'))
      stream(text('s'))
        .join('j', g, { foreignKey: (value) => value[0] ?? null }, joiner)
        .to(out)
    })
    expect(drive.step('g:x=G@9', 's:a=x1@1', 's:b=y1@2', 's:=x2@3')).toEqual([
      [],
      ['a=x1+G@1'],
      [],
      ['=x2+G@3'],
    ])
    expect(drive.driver.subTopologies.map(({ kind }) => kind).toSorted()).toEqual(['global', 'stream'])
  })

  test('rule 30: a null mapped key drops a record from an inner join, not from a left one', () => {
    const noKey = { foreignKey: () => null }
    const inner = new Drive(({ stream, globalTable }) => {
      stream(text('s'))
        .join('j', globalTable(text('g')), noKey, joiner)
        .to(out)
    })
    expect(inner.step('s:a=x@1')).toEqual([[]])
    expect(inner.dropped).toBe(1)
    const left = new Drive(({ stream, globalTable }) => {
      stream(text('s'))
        .leftJoin('j', globalTable(text('g')), noKey, joiner)
        .to(out)
    })
    expect(left.step('s:a=x@1', 's:a=@2')).toEqual([['a=x+null@1'], []])
    expect(left.dropped).toBe(1)
  })
})

test('a join of a stream with a table works outside of a topology, with the rows that one context holds', () => {
  const rows = keyValueStore<string, string>({ name: 'rows', key: serdes.string, value: serdes.string })
  const context = standalone()
  const join = streamTableJoin(
    {
      rows: ({ store }) => rowReader(store(rows)),
      keyOf: (_value: string, key: string | null) => key,
      joiner,
      outer: false,
    },
    context,
  )
  marbles(({ hot, expectObservable }) => {
    const table = hot(' t---|', { t: chunk(['a', 'T', 5]) })
    const stream = hot('--s-|', { s: chunk(['a', 'x', 3]) })
    const joined = merge(table.pipe(upsert({ store: rows }, context), ignoreElements()), stream.pipe(join))
    expectObservable(joined.pipe(map(recordsOf))).toBe('--j-|', {
      j: [{ key: 'a', value: 'x+T', timestampMs: 3, offset: 0 }],
    })
  })
})
