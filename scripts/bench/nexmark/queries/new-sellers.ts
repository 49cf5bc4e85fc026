import { serdes, topic, topology, tumbling, untilWindowCloses } from 'rivulet'
import type { Query } from './query.ts'

export const newWindowMs = 10_000

/** Who has come and offered something within one window. */
export interface NewSeller {
  readonly id: number
  readonly name: string
  readonly windowEndMs: number
}

interface Seen {
  /** Null: the person has not come in this window. */
  readonly name: string | null
  readonly sells: boolean
}

/** Who has come in the last ten seconds and has opened an auction in them. */
export const q8: Query = {
  reads: ['person', 'auction'],
  updates: false,
  topology: ({ application, topics, output }) =>
    topology(application, ({ stream }) => {
      stream(topics.person)
        .groupByKey()
        .cogroup<Seen>((seen, { name }) => ({ ...seen, name }))
        .cogroup(stream(topics.auction).groupByKey(), (seen) => ({ ...seen, sells: true }))
        .windowedBy(tumbling({ sizeMs: newWindowMs }))
        .aggregate('seen', () => ({ name: null, sells: false }))
        .suppress('closed windows', untilWindowCloses)
        .toStream()
        .flatMap('new sellers', (seen, { key: id, endMs }) =>
          seen?.sells && seen.name !== null ? [[id, { id, name: seen.name, windowEndMs: endMs }]] : [],
        )
        .to(topic(output, { key: serdes.long, value: serdes.json<NewSeller>() }))
    }),
}
