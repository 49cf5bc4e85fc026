import { describe, expectTypeOf, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import type { GlobalTable } from '../../src/stream/global-table.ts'
import type { GroupedTable } from '../../src/stream/grouped-table.ts'
import type { Stream } from '../../src/stream/stream.ts'
import type { Table } from '../../src/stream/table.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { within } from '../../src/windows/join-window.ts'
import { tumbling, type Windowed } from '../../src/windows/windows.ts'

interface Order {
  readonly customer: string
  readonly currency: string
  readonly amount: number
}

interface Customer {
  readonly name: string
}

const orders = topic('orders', { key: serdes.string, value: serdes.json<Order>() })
const payments = topic('payments', { key: serdes.string, value: serdes.nullable(serdes.long) })
const customers = topic('customers', { key: serdes.string, value: serdes.json<Customer>() })
const byNumber = topic('by-number', { key: serdes.long, value: serdes.string })
const rates = topic('rates', { key: serdes.string, value: serdes.double })

/** What is checked here is checked by the compiler: nothing runs. */
function types(_check: (declare: Declare) => void): void {}

describe('the types of joins', () => {
  test('know what may be missing on which side', () => {
    types(({ stream }) => {
      const left = stream(orders)
      const right = stream(payments)
      left.join(
        right,
        (order, payment, key) => {
          expectTypeOf(order).toEqualTypeOf<Order>()
          expectTypeOf(payment).toEqualTypeOf<number>()
          expectTypeOf(key).toEqualTypeOf<string>()
        },
        within({ ms: 1 }),
      )
      left.leftJoin(
        right,
        (order, payment) => {
          expectTypeOf(order).toEqualTypeOf<Order>()
          expectTypeOf(payment).toEqualTypeOf<number | null>()
        },
        within({ ms: 1 }),
      )
      left.outerJoin(
        right,
        (order, payment) => {
          expectTypeOf(order).toEqualTypeOf<Order | null>()
          expectTypeOf(payment).toEqualTypeOf<number | null>()
        },
        within({ ms: 1 }),
      )
    })
    types(({ stream, table, globalTable }) => {
      const rows = table(customers)
      expectTypeOf(rows).toEqualTypeOf<Table<string, Customer>>()
      expectTypeOf(table(payments)).toEqualTypeOf<Table<string, number>>()
      expectTypeOf(globalTable(rates)).toEqualTypeOf<GlobalTable<string, number>>()
      const joined = stream(orders).join('named', rows, (order, { name }) => ({ order, name }))
      expectTypeOf(joined).toEqualTypeOf<Stream<string, { order: Order; name: string }>>()
      stream(orders).leftJoin(rows, (_, customer) => expectTypeOf(customer).toEqualTypeOf<Customer | null>())
      rows.outerJoin(table(payments), (customer, payment) => {
        expectTypeOf(customer).toEqualTypeOf<Customer | null>()
        expectTypeOf(payment).toEqualTypeOf<number | null>()
        return 1
      })
    })
  })

  test('do not let unlike keys meet', () => {
    types(({ stream, table }) => {
      const joiner = () => 1
      // @ts-expect-error an order's key is a string, the other's a number
      stream(orders).join(stream(byNumber), joiner, within({ ms: 1 }))
      // @ts-expect-error also with a name
      stream(orders).leftJoin('name', stream(byNumber), joiner, within({ ms: 1 }))
      // @ts-expect-error also in an outer join
      stream(orders).outerJoin(stream(byNumber), joiner, within({ ms: 1 }))
      // @ts-expect-error also with a table
      stream(orders).join(table(byNumber), joiner)
      // @ts-expect-error also of two tables
      table(orders).join(table(byNumber), joiner)
      // @ts-expect-error also in an outer join of tables
      table(orders).outerJoin(table(byNumber), joiner)
      stream(orders)
        .selectKey(({ amount }) => amount)
        .join(table(byNumber), joiner)
    })
  })

  test('check the foreign key against the key of the other table', () => {
    types(({ stream, table, globalTable }) => {
      const enriched = table(orders).join(
        'with customer',
        table(customers),
        { foreignKey: ({ customer }, key) => (key === '' ? null : customer) },
        (order, { name }) => ({ name, amount: order.amount }),
      )
      expectTypeOf(enriched).toEqualTypeOf<Table<string, { name: string; amount: number }>>()
      const converted = stream(orders).join(
        globalTable(rates),
        { foreignKey: ({ currency }) => currency },
        ({ amount }, rate) => amount * rate,
      )
      expectTypeOf(converted).toEqualTypeOf<Stream<string, number>>()
      const byAmount = { foreignKey: ({ amount }: Order) => amount }
      // @ts-expect-error customers are not keyed by a number
      table(orders).join(table(customers), byAmount, () => 1)
      // @ts-expect-error neither are rates
      stream(orders).join(globalTable(rates), byAmount, () => 1)
      // @ts-expect-error a global table is joined by a key that is said
      stream(orders).join(globalTable(rates), () => 1)
      // @ts-expect-error a stream is not joined by a foreign key
      stream(orders).join(table(customers), { foreignKey: ({ customer }) => customer }, () => 1)
    })
  })

  test('forbid the wrong order', () => {
    types(({ stream, table, globalTable }) => {
      // @ts-expect-error two streams need a window
      stream(orders).join(stream(payments), () => 1)
      // @ts-expect-error a stream and a table have none
      stream(orders).join(table(customers), () => 1, within({ ms: 1 }))
      // @ts-expect-error a table does not join a stream
      table(customers).join(stream(orders), () => 1)
      // @ts-expect-error a stream has no outer join with a table
      stream(orders).outerJoin(table(customers), () => 1, within({ ms: 1 }))
      // @ts-expect-error a foreign-key join is inner or left
      table(orders).outerJoin(table(customers), { foreignKey: ({ customer }) => customer }, () => 1)
      // @ts-expect-error a table has no windows of its own
      table(customers).windowedBy(tumbling({ sizeMs: 1 }))
      // @ts-expect-error a global table is not a stream
      globalTable(rates).toStream()
      const grouped = table(customers).groupBy(({ name }) => [name, 1])
      // @ts-expect-error a grouped table is aggregated, not filtered
      grouped.filter(() => true)
      // @ts-expect-error what leaves a group must be taken out
      grouped.aggregate({ initializer: () => 0, adder: () => 1 })
      // @ts-expect-error a window says how far it reaches
      within({ graceMs: 1 })
    })
  })

  test('infer groups, and leave nulls out of them', () => {
    types(({ table }) => {
      const grouped = table(orders).groupBy(({ customer, amount }) => [customer || null, amount])
      expectTypeOf(grouped).toEqualTypeOf<GroupedTable<string, number>>()
      expectTypeOf(grouped.count()).toEqualTypeOf<Table<string, number>>()
      const sum = grouped.aggregate({
        initializer: () => ({ sum: 0 }),
        adder: ({ sum }, amount) => ({ sum: sum + amount }),
        subtractor: ({ sum }, amount) => ({ sum: sum - amount }),
      })
      expectTypeOf(sum).toEqualTypeOf<Table<string, { sum: number }>>()
    })
  })

  test('infer through a ten-step chain without annotations', () => {
    types(({ stream, table, globalTable }) => {
      const result = stream(orders)
        .filter(({ amount }) => amount > 0)
        .join(globalTable(rates), { foreignKey: ({ currency }) => currency }, (order, rate) => ({
          customer: order.customer,
          value: order.amount * rate,
        }))
        .selectKey(({ customer }) => customer)
        .leftJoin(table(customers), ({ value }, customer) => ({ value, name: customer?.name ?? 'nobody' }))
        .mapValues(({ value, name }, key) => ({ value, name, key }))
        .groupByKey()
        .windowedBy(tumbling({ sizeMs: 60_000 }))
        .aggregate({ initializer: () => 0, aggregator: (sum, { value }) => sum + value })
        .toStream()
        .map((sum, { key, endMs }) => [key, { sum: sum ?? 0, endMs }])
        .toTable()
        .filter(({ sum }) => sum > 0)
        .groupBy(({ sum }, key) => [key.length, sum])
        .reduce({ adder: (a, b) => a + b, subtractor: (a, b) => a - b })
      expectTypeOf(result).toEqualTypeOf<Table<number, number>>()
    })
  })

  test('of processors: stores, and what may be forwarded', () => {
    types(({ stream }) => {
      const stores = { seen: keyValueStore({ name: 'seen', key: serdes.string, value: serdes.long }) }
      const processed = stream(orders).process('p', {
        stores,
        key: serdes.long,
        value: serdes.string,
        processor:
          ({ stores: { seen }, forward }) =>
          (order, key) => {
            expectTypeOf(order).toEqualTypeOf<Order>()
            expectTypeOf(seen.get(key)).toEqualTypeOf<number | undefined>()
            forward(order.amount, key)
            // @ts-expect-error the new key is a number
            forward(key, key)
            // @ts-expect-error the store is keyed by strings
            seen.get(1)
          },
      })
      expectTypeOf(processed).toEqualTypeOf<Stream<number, string>>()
      const same = stream(orders).process('q', {
        processor:
          ({ forward }) =>
          (order, key) =>
            forward(key, order),
      })
      expectTypeOf(same).toEqualTypeOf<Stream<string, Order>>()
      const values = stream(orders).processValues('r', {
        value: serdes.long,
        processor:
          ({ forward }) =>
          ({ amount }) =>
            forward(amount),
      })
      expectTypeOf(values).toEqualTypeOf<Stream<string, number>>()
      stream(orders).process('s', {
        stores,
        // @ts-expect-error the processor has no such store
        processor: (context) => () => context.stores.other,
      })
    })
  })

  test('of a windowed table that is joined: equal windows', () => {
    types(({ stream }) => {
      const counts = (name: string) =>
        stream(orders)
          .groupByKey()
          .windowedBy(tumbling({ sizeMs: 10 }))
          .count(name)
      const joined = counts('a').join(counts('b'), (a, b) => a / b)
      expectTypeOf(joined).toEqualTypeOf<Table<Windowed<string>, number>>()
    })
  })

  test('of sinks: a topic of wider types takes what is narrower, never the other way', () => {
    types(({ stream }) => {
      const wide = topic('wide', { key: serdes.nullable(serdes.string), value: serdes.nullable(serdes.long) })
      const narrow = topic('narrow', { key: serdes.string, value: serdes.long })
      stream(narrow).to(wide)
      // @ts-expect-error a null can't be written to a topic of numbers
      stream(wide).to(narrow)
      // @ts-expect-error nor a string
      stream(byNumber).to(narrow)
    })
  })
})

test('a topology is declared under the name of its application', () => {
  expectTypeOf(topology).parameter(0).toEqualTypeOf<string>()
})
