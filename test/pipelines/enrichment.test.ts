import { NEVER } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { customers, deliveries, enrichment } from '../../pipelines/enrichment.ts'
import { TestDriver } from '../../src/testing/index.ts'
import { interruptExample } from './interrupt-example.ts'

function started() {
  const lines: string[] = []
  const shop = { orders: NEVER, customers: NEVER, cakes: NEVER }
  const driver = new TestDriver(enrichment(shop, (line) => lines.push(line)))
  return {
    lines,
    driver,
    orders: (...given: readonly [id: string, customer: string, cake: string, pieces: number][]) => {
      for (const [id, customer, cake, pieces] of given) driver.emit('till', { id, customer, cake, pieces })
    },
    isCalled: (id: string, name: string, city: string) => driver.emit('customer desk', { id, name, city }),
    costs: (id: string, cents: number) => driver.emit('price list', { id, cents }),
    deliveries: () =>
      driver.read(deliveries).map(({ key, value }) => [key, value.to, value.cake, value.cents]),
  }
}

describe('the example of joins', () => {
  test('delivers an order to its customer, at the price of its cake', () => {
    const { orders, isCalled, costs, deliveries, lines } = started()
    costs('muffin', 220)
    isCalled('c-1', 'Ann', 'Oslo')
    orders(['o-1', 'c-1', 'muffin', 3])
    expect(deliveries()).toEqual([['o-1', 'Ann in Oslo', '3 × muffin', 660]])
    expect(lines).toEqual(['o-1: 3 × muffin for Ann in Oslo, 6.60 €'])
  })

  test('waits for a customer whom nobody knows yet, but not for a price', () => {
    const { orders, isCalled, deliveries } = started()
    orders(['o-1', 'c-1', 'muffin', 3])
    expect(deliveries()).toEqual([])
    isCalled('c-1', 'Ann', 'Oslo')
    expect(deliveries()).toEqual([['o-1', 'Ann in Oslo', '3 × muffin', 0]])
  })

  test('delivers all orders of a customer who moves anew, and nobody else’s', () => {
    const { orders, isCalled, costs, deliveries } = started()
    costs('muffin', 220)
    isCalled('c-1', 'Ann', 'Oslo')
    isCalled('c-2', 'Bob', 'Rome')
    orders(['o-1', 'c-1', 'muffin', 1], ['o-2', 'c-2', 'muffin', 1], ['o-3', 'c-1', 'muffin', 2])
    deliveries()
    isCalled('c-1', 'Ann', 'Bath')
    expect(deliveries()).toEqual([
      ['o-1', 'Ann in Bath', '1 × muffin', 220],
      ['o-3', 'Ann in Bath', '2 × muffin', 440],
    ])
  })

  test('changes no delivery for a new price, nor for a customer who is deleted', () => {
    const { driver, orders, isCalled, costs, deliveries } = started()
    costs('muffin', 220)
    isCalled('c-1', 'Ann', 'Oslo')
    orders(['o-1', 'c-1', 'muffin', 1])
    deliveries()
    costs('muffin', 250)
    driver.pipe(customers.name, { key: 'c-1', value: null, timestampMs: 1 })
    expect(deliveries()).toEqual([])
  })

  test('runs with one command, and drains on Ctrl-C', { timeout: 60_000 }, () =>
    interruptExample('enrichment', /^order-0: 1 × apple pie for Ann in Oslo, 3\.50 €$/m),
  )
})
