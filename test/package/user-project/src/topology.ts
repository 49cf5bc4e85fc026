import {
  type Declare,
  hopping,
  nullable,
  otherwise,
  queryable,
  serdes,
  session,
  shape,
  sliding,
  topic,
  topology,
  tumbling,
  untilTimeLimit,
  untilWindowCloses,
  within,
} from 'rivulet'

// All types here are inferred, so the declarations of this project must name what the package infers.

export const order = shape({ customer: 'string', amount: 'number', kind: ['gift', 'own'] })
export const orders = topic('orders', { key: serdes.string, value: order })
export const customers = topic('customers', { key: serdes.string, value: nullable(serdes.string) })
export const visits = topic('visits', { key: serdes.string, value: serdes.json<{ page: string }>() })
export const amounts = topic('amounts', { key: serdes.string, value: serdes.double })

export const minutes = tumbling({ sizeMs: 60_000, graceMs: 5_000 })
export const hops = hopping({ sizeMs: 60_000, advanceMs: 20_000 })
export const around = sliding({ differenceMs: 1_000 })
export const visit = session({ gapMs: 30_000 })
export const near = within({ ms: 1_000, graceMs: 500 })
export const everyTenSeconds = untilTimeLimit({ limitMs: 10_000 })

export const sum = {
  initializer: () => 0,
  aggregator: (total: number, { amount }: { readonly amount: number }) => total + amount,
}
export const add = (a: number, b: number) => a + b

/** A stage of each kind. */
export function stagesOf({ stream, table, globalTable }: Declare) {
  const ordered = stream(orders)
  const visited = stream(visits)
  const byCustomer = ordered.groupBy('by customer', ({ customer }) => customer)
  const names = table(customers)
  const perMinute = byCustomer.windowedBy(minutes).count('per minute')
  const visitSessions = byCustomer.windowedBy(visit)
  const cogrouped = byCustomer.cogroup(sum.aggregator).cogroup(visited.groupByKey(), (total) => total + 1)
  return {
    ordered,
    visited,
    byCustomer,
    names,
    perMinute,
    visitSessions,
    cogrouped,
    everywhere: globalTable(topic('pages', { key: serdes.string, value: serdes.string })),
    ...ordered.split({ gifts: ({ kind }) => kind === 'gift', others: otherwise }),
    late: perMinute.late$,
    dropped: ordered.dropped$,
    total: byCustomer.aggregate('total', sum),
    inHops: byCustomer.windowedBy(hops),
    nearby: byCustomer.windowedBy(around, { emit: 'onWindowClose' }).aggregate('nearby', sum),
    perVisit: visitSessions.aggregate('per visit', { ...sum, merger: add }),
    closed: perMinute.suppress('closed', untilWindowCloses),
    limited: names.suppress('limited', everyTenSeconds),
    both: cogrouped.aggregate('both', () => 0),
    bothPerMinute: cogrouped.windowedBy(minutes),
    bothPerVisit: cogrouped.windowedBy(visit),
    byLength: names.groupBy('by length', (name, id) => [name.length, id]),
    joined: ordered.join('with name', names, ({ amount }, name) => ({ amount, name })),
    nearVisits: ordered.leftJoin(
      'near visits',
      visited,
      ({ amount }, seen) => ({ amount, page: seen?.page }),
      near,
    ),
    renamed: names.mapValues('upper', (name) => name.toUpperCase(), { store: 'upper' }),
    batched: ordered.batch({ rowsMax: 10, waitMsMax: 100 }),
    looked: ordered.mapAsync('look up', async ({ customer }) => customer.length, {
      concurrencyMax: 4,
      timeoutMs: 1_000,
      value: serdes.double,
    }),
  }
}

export const app = topology('everything', (declare) => {
  const { ordered, perMinute, total } = stagesOf(declare)
  ordered.map('amount', ({ customer, amount }) => [customer, amount]).to('to amounts', amounts)
  return { total: queryable(total), perMinute: queryable(perMinute) }
})
