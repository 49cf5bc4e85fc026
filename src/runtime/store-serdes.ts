import { type BindSerde, boundTo, unbound } from '../serdes/bound-serde.ts'
import type { Serde, SerdePlace } from '../serdes/serde.ts'
import type { StoreSpec } from '../state/store.ts'
import type { StoreLayout } from './layout.ts'
import { type PreparedOptions, prepared } from './prepared.ts'

interface Written {
  readonly serde: Pick<Serde<unknown>, 'prepareWrite'>
  readonly place: SerdePlace
}

/** Tells the serdes of a task's stores where what they read and write stands. */
export class StoreSerdes {
  readonly #stores: readonly StoreLayout[]
  /** What goes to changelogs. */
  readonly #written: Written[] = []

  constructor(stores: readonly StoreLayout[]) {
    this.#stores = stores
  }

  /** For the task that makes its stores. */
  readonly bind = (spec: StoreSpec): BindSerde => {
    const store = this.#stores.find((each) => each.spec === spec)
    if (!store) return unbound
    const { topic, isChangelog } = store
    return (serde, part) => {
      const place = { topic, part }
      if (isChangelog && serde.prepareWrite) this.#written.push({ serde, place })
      return boundTo(serde, place)
    }
  }

  /** Resolves when the stores' changes can be written; undefined: they can. Rejects as `prepared` does. */
  prepareWrite(options: Omit<PreparedOptions, 'topic'>): Promise<unknown> | undefined {
    const preparing = this.#written.flatMap(
      ({ serde, place }) =>
        prepared(() => serde.prepareWrite?.(place), { ...options, topic: place.topic }) ?? [],
    )
    return preparing.length > 0 ? Promise.all(preparing) : undefined
  }
}
