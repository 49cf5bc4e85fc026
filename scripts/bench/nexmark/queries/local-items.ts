import { serdes, topic, topology } from 'rivulet'
import type { Query } from './query.ts'

export const localStates: ReadonlySet<string> = new Set(['OR', 'ID', 'CA'])
export const wantedCategory = 10

/** Who sells something of the category nearby. */
export interface LocalItem {
  readonly name: string
  readonly city: string
  readonly state: string
  /** The auction's. */
  readonly id: number
}

/** Auctions of one category whose sellers live in one of three states. A seller may come after the auction. */
export const q3: Query = {
  reads: ['person', 'auction'],
  updates: true,
  topology: ({ application, topics, output }) =>
    topology(application, ({ stream, table }) => {
      const sellers = table(topics.person).filter('nearby', ({ state }) => localStates.has(state))
      stream(topics.auction)
        .filter('of the category', ({ category }) => category === wantedCategory)
        .map('by id', (auction) => [auction.id, auction])
        .toTable('auctions', { key: serdes.long, value: topics.auction.value })
        .join('local items', sellers, { foreignKey: ({ seller }) => seller }, itemOf)
        .toStream()
        .to(topic(output, { key: serdes.long, value: serdes.nullable(serdes.json<LocalItem>()) }))
    }),
}

function itemOf({ id }: { readonly id: number }, { name, city, state }: Omit<LocalItem, 'id'>): LocalItem {
  return { name, city, state, id }
}
