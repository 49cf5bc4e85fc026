import { serdes, topic, topology } from 'rivulet'
import { program } from 'rivulet/app'

const orders = topic('orders', { key: serdes.string, value: serdes.long, partitions: 2 })

export const counts = topology('counts', ({ stream }) => {
  stream(orders).groupByKey().count('per customer')
})

/** The same under another name, as a program. */
export const sums = program({
  name: 'sums',
  summary: 'Adds orders up.',
  topology: topology('sums', ({ stream }) => {
    stream(orders)
      .groupByKey()
      .reduce('sum', (a, b) => a + b)
  }),
})
await sums.main(import.meta.url)

export const aliasOfCounts = counts
export const unrelated = { name: 'unrelated' }
