import { map, merge } from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  answerForeignKey,
  respondForeignKey,
  subscribeForeignKey,
} from '../../src/operators/foreign-key-join.ts'
import { type OperatorContext, standalone } from '../../src/operators/operator.ts'
import { upsert } from '../../src/operators/upsert.ts'
import { recordsOf } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import { rowReader } from '../../src/state/row-reader.ts'
import { subscriptionStore } from '../../src/state/subscription-store.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { Drive, out, text } from '../support/drive.ts'
import { chunk } from '../support/operator-family.ts'

const on = { foreignKey: (value: string) => value.split(':')[0] || null }
const joiner = (left: string | null, right: string | null) => `${left}+${right}`

function joined(kind: 'join' | 'leftJoin'): Drive {
  return new Drive(({ table }) => {
    const left = table(text('l'))
    const right = table(text('r'))
    const result = kind === 'join' ? left.join('j', right, on, joiner) : left.leftJoin('j', right, on, joiner)
    result.toStream().to(out)
  })
}

describe('an inner foreign-key join', () => {
  test('joins each left row with the right row that it names, and follows both', () => {
    expect(
      joined('join').step('r:u1=U@1', 'l:o1=u1:a@2', 'l:o2=u1:b@3', 'r:u1=V@5', 'l:o1=@6', 'r:u1=W@7'),
    ).toEqual([
      [],
      ['o1=u1:a+U@2'],
      ['o2=u1:b+U@3'],
      ['o1=u1:a+V@5', 'o2=u1:b+V@5'],
      ['o1=@6'],
      ['o2=u1:b+W@7'],
    ])
  })

  test('rule 26: a right tombstone goes to every left row that names it, even if there was no right row', () => {
    expect(joined('join').step('l:o2=u1:b@1', 'l:o1=u1:a@2', 'r:u1=@3')).toEqual([[], [], ['o1=@3', 'o2=@3']])
  })

  test('rule 26: results come in order of the serialized left key', () => {
    const drive = joined('join')
    drive.step('l:o3=u@1', 'l:o1=u@1', 'l:o10=u@1', 'l:o2=u@1')
    expect(drive.step('r:u=U@2')).toEqual([['o1=u+U@2', 'o10=u+U@2', 'o2=u+U@2', 'o3=u+U@2']])
  })

  test('rule 26: a null foreign key is dropped and counted, and takes back what was there', () => {
    const drive = joined('join')
    expect(drive.step('r:u1=U@1', 'l:o1=:x@2', 'l:o1=u1:a@3', 'l:o1=:b@4')).toEqual([
      [],
      [],
      ['o1=u1:a+U@3'],
      ['o1=@4'],
    ])
    expect(drive.dropped).toBe(2)
  })

  test('rule 26: an unchanged row emits again', () => {
    expect(joined('join').step('r:u=U@1', 'l:o=u@2', 'l:o=u@3')).toEqual([[], ['o=u+U@2'], ['o=u+U@3']])
  })

  test('a changed foreign key joins anew, or takes the result back where there is no row', () => {
    expect(joined('join').step('r:u1=U@1', 'l:o=u1:a@2', 'l:o=u2:a@3', 'r:u1=V@4', 'r:u2=W@5')).toEqual([
      [],
      ['o=u1:a+U@2'],
      ['o=@3'],
      [],
      ['o=u2:a+W@5'],
    ])
  })

  test('keeps one subscription for each left row that names a right one', () => {
    const drive = joined('join')
    const sizes = ['l:o=u1@1', 'l:p=u1@2', 'l:o=u2@3', 'l:p=@4', 'l:o=:@5'].map((step) => {
      drive.step(step)
      return drive.driver.store('j-subscriptions')?.size
    })
    expect(sizes).toEqual([1, 2, 2, 1, 0])
  })

  test('an answer that comes after its left row has changed is not used', () => {
    const drive = joined('join')
    drive.step('r:u=U@1')
    const row = (value: string) => ({ keys: ['o'], values: [value], timestampsMs: [2], offsets: [0] })
    const chunk = {
      ...row('u:1'),
      keys: ['o', 'o'],
      values: ['u:1', 'u:2'],
      timestampsMs: [2, 3],
      offsets: [0, 1],
    }
    drive.driver.pipeChunk('l', { topic: 'l', partition: 0, ...chunk })
    expect(drive.driver.read(out).map(({ value }) => value)).toEqual(['u:2+U'])
  })

  test('asks and answers through two topics of its own', () => {
    const names = joined('join').driver.subTopologies.flatMap(({ nodes }) => nodes.map(({ name }) => name))
    expect(names).toContain('j-subscription-registration')
    expect(names).toContain('j-subscription-response')
  })

  test('gives each answer back to the partition of its left row', () => {
    const nodes = joined('join').driver.subTopologies.flatMap((subTopology) => subTopology.nodes)
    const response = nodes.find(({ name }) => name === 'j-subscription-response')
    expect(
      response?.type === 'repartition' && response.partitionOf?.partition({ partition: 7 }, null, 12),
    ).toBe(7)
  })
})

describe('a left foreign-key join', () => {
  test('rule 26: gives left + null without a right row, with a null foreign key too', () => {
    const drive = joined('leftJoin')
    expect(
      drive.step('l:o=u1:a@1', 'r:u1=U@2', 'r:u1=@3', 'l:o=:x@4', 'l:o=u2:b@5', 'l:o=@6', 'l:p=@7'),
    ).toEqual([
      ['o=u1:a+null@1'],
      ['o=u1:a+U@2'],
      ['o=u1:a+null@3'],
      ['o=:x+null@4'],
      ['o=u2:b+null@5'],
      ['o=@6'],
      [],
    ])
    expect(drive.dropped).toBe(0)
  })
})

test('a foreign-key join works outside of a topology: its three steps are three operators', () => {
  const { string } = serdes
  const orders = keyValueStore<string, string>({ name: 'orders', key: string, value: string })
  const users = keyValueStore<string, string>({ name: 'users', key: string, value: string })
  const subscriptions = subscriptionStore<string, string>({ name: 's', foreignKey: string, key: string })
  const rowsOf = (spec: typeof users) => (context: OperatorContext) => rowReader(context.store(spec))
  const sameKey = (a: string, b: string) => a === b
  const outer = false
  const versioned = false
  const context = standalone()
  const subscribe = subscribeForeignKey<string, string, string>(
    { ...on, sameKey, left: string, outer, versioned },
    context,
  )
  const [answer, tell] = answerForeignKey({ subscriptions, right: rowsOf(users), versioned }, context)
  const respond = respondForeignKey({ rows: rowsOf(orders), left: string, joiner, outer }, context)
  marbles(({ hot, expectObservable }) => {
    const left = hot(' o---|', { o: chunk(['o1', 'u1:x', 5]) }).pipe(upsert({ store: orders }, context))
    const right = hot('--u-|', { u: chunk(['u1', 'U', 7]) }).pipe(upsert({ store: users }, context))
    const joined = merge(left.pipe(subscribe, answer), right.pipe(tell)).pipe(respond, map(recordsOf))
    expectObservable(joined).toBe('--j-|', { j: [{ key: 'o1', value: 'u1:x+U', timestampMs: 7, offset: 0 }] })
  })
})
