import { NEVER } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { describeAsText } from '../../src/stream/describe.ts'
import { queryable } from '../../src/stream/queryable.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { out, text, topologyOf } from '../support/drive.ts'

const products = text('products')

function namesOf(declare: (declare: Declare) => unknown): string[] {
  return topologyOf((all) => {
    declare(all)
  }).nodes.map(({ name }) => name)
}

describe('a step may be named as the topic', () => {
  test.each<[what: string, declare: (declare: Declare) => unknown]>([
    ['that it reads as a table', ({ table }) => table(products, { name: 'products' })],
    ['that it reads as a global table', ({ globalTable }) => globalTable(products, { name: 'products' })],
    ['that the step before it reads', ({ stream }) => stream(products).filter('products', () => true)],
    [
      'that it writes, which is read as well',
      ({ stream }) => {
        stream(text('in')).to('products', products)
        stream(products).to(out)
      },
    ],
    ['that it goes through', ({ stream }) => stream(text('in')).through('products', products)],
  ])('%s', (_, declare) => {
    expect(namesOf(declare)).toEqual(expect.arrayContaining(['products', 'topic products']))
  })

  test('that a source writes', () => {
    const written = { key: serdes.nullable(serdes.string), value: serdes.json<string>() }
    const names = namesOf(({ source, stream }) => {
      source('products', NEVER, { key: () => null }).to({ ...products, ...written })
      stream({ ...products, ...written }).foreach('products seen', () => {})
    })
    expect(names).toEqual(['products', 'to products', 'topic products', 'products seen'])
  })

  test('and a source of a topic that is named by its author keeps that name', () => {
    const declare = ({ stream }: Declare) =>
      stream(products, { name: 'catalogue' }).filter('catalogue', Boolean)
    expect(() => namesOf(declare)).toThrow('two steps are named "catalogue" (stream and filter)')
    expect(namesOf(({ stream }) => stream(products, { name: 'products' }))).toEqual(['products'])
  })

  test('and the topic is still told from the step', () => {
    const app = topologyOf(({ table }) => {
      table(products, { name: 'products' }).toStream().to(out)
    })
    expect(describeAsText(app)).toContain('topic products → products  [table]')
  })

  test('and stores and what is asked have names of their own', () => {
    const app = topology('app', ({ table, stream }) => {
      const rows = table(products, { name: 'products', store: 'products' })
      stream(text('in')).filter('counts', Boolean).groupByKey().count('count', { store: 'counts' })
      return { products: queryable(rows) }
    })
    expect(app.stores.products.name).toBe('products')
  })
})
