// Orders with what others know of them: who ordered (a table, by foreign key), and what it costs (a global table).
// Run it with: npx tsx pipelines/enrichment.ts

import { type Source, serdes, shape, type Topology, topic, topology } from 'rivulet'
import { program } from 'rivulet/app'
import { from, interval, map, startWith } from 'rxjs'

export interface Order {
  readonly id: string
  readonly customer: string
  readonly cake: string
  readonly pieces: number
}

export interface Customer {
  readonly id: string
  readonly name: string
  readonly city: string
}

export interface Cake {
  readonly id: string
  readonly cents: number
}

interface Delivery {
  readonly to: string
  readonly cake: string
  readonly cents: number
}

const order = shape({ id: 'string', customer: 'string', cake: 'string', pieces: 'number' })
const customer = shape({ id: 'string', name: 'string', city: 'string' })
const cake = shape({ id: 'string', cents: 'number' })

/** The newest record of a key is all that a table needs. */
const config = { 'cleanup.policy': 'compact' }
export const orders = topic('orders', { key: serdes.string, value: order, config })
export const customers = topic('customers', { key: serdes.string, value: customer, config })
export const cakes = topic('cakes', { key: serdes.string, value: cake, config })
export const deliveries = topic('deliveries', { key: serdes.string, value: serdes.json<Delivery>() })

export interface Shop {
  readonly orders: Source<Order>
  readonly customers: Source<Customer>
  readonly cakes: Source<Cake>
}

export function enrichment(shop: Shop, print: (line: string) => void): Topology {
  return topology('enrichment', ({ source, table, globalTable }) => {
    source('price list', shop.cakes)
      .map('by cake', (cake) => [cake.id, cake])
      .to(cakes)
    source('customer desk', shop.customers)
      .map('by customer', (customer) => [customer.id, customer])
      .to(customers)
    source('till', shop.orders)
      .map('by order', (order) => [order.id, order])
      .to(orders)

    table(orders)
      // Both sides are tables: an order comes again when its customer moves, wherever the two are partitioned.
      .join(
        'who ordered',
        table(customers),
        { foreignKey: ({ customer }) => customer },
        ({ cake, pieces }, { name, city }) => ({ to: `${name} in ${city}`, cake, pieces }),
      )
      .toStream()
      .filter((order) => order !== null)
      // A stream looks a row up as it is now: a new price changes no delivery that went out before.
      .leftJoin(
        'what it costs',
        globalTable(cakes),
        { foreignKey: ({ cake }) => cake },
        ({ to, cake, pieces }, known) => ({
          to,
          cake: `${pieces} × ${cake}`,
          cents: pieces * (known?.cents ?? 0),
        }),
      )
      .peek('show', ({ to, cake, cents }, id) =>
        print(`${id}: ${cake} for ${to}, ${(cents / 100).toFixed(2)} €`),
      )
      .to(deliveries)
  })
}

const cities = ['Oslo', 'Rome', 'Bath']

/** Two orders a second, a dozen of them on the desk; every four seconds one of two customers moves. */
const invented: Shop = {
  cakes: from([
    { id: 'apple pie', cents: 350 },
    { id: 'muffin', cents: 220 },
  ]),
  customers: interval(4_000).pipe(
    startWith(-2, -1),
    map((n) => {
      const [id, name] = n % 2 === 0 ? ['c-1', 'Ann'] : ['c-2', 'Bob']
      return { id, name, city: cities[(n + 2) % cities.length] ?? 'Oslo' }
    }),
  ),
  orders: interval(500).pipe(
    map((n) => ({
      id: `order-${n % 12}`,
      customer: n % 3 === 0 ? 'c-1' : 'c-2',
      cake: n % 2 === 0 ? 'apple pie' : 'muffin',
      pieces: 1 + (n % 4),
    })),
  ),
}

export const bakery = program({
  name: 'enrichment',
  summary: 'Orders of an invented bakery, with their customers and prices.',
  topology: () => enrichment(invented, (line) => process.stdout.write(`${line}\n`)),
})

await bakery.main(import.meta.url)
