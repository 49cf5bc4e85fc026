import { serdes, topic, topology } from 'rivulet'
import { program } from 'rivulet/app'

export const partitions = 6

/** What was counted of a key so far. */
interface Count {
  readonly count: number
  /** Of its newest record, among all of the partition. */
  readonly sequence: number
}

/** A count, and the process that has made it. */
export interface Result extends Count {
  readonly by: string
}

/** Values are numbers from 1 on, in each partition. */
export const records = topic('records', { key: serdes.string, value: serdes.long, partitions })
export const results = topic('results', {
  key: serdes.string,
  value: serdes.nullable(serdes.json<Result>()),
  partitions,
})

const by = process.env.INSTANCE ?? ''

const initializer = (): Count => ({ count: 0, sequence: 0 })
const aggregator = ({ count }: Count, sequence: number): Count => ({ count: count + 1, sequence })

const counting = topology('counting', ({ stream }) => {
  stream(records)
    .groupByKey()
    .aggregate('counts', { initializer, aggregator })
    .toStream()
    .mapValues((counted) => counted && { ...counted, by })
    .to(results)
})

/** Counts by key, each update told, with as much state as there are keys. */
export const counter = program({ name: 'counting', summary: 'Counts by key.', topology: counting })

await counter.main(import.meta.url)
