import { RivuletError } from '../errors.ts'
import { partitionFor } from '../kafka/partitioner.ts'
import type { StoreParts } from '../state/query.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import type { AssignedTask } from './assigned-task.ts'

/** What there is of an instance's stores. */
export interface StoreHolder {
  readonly tasks: readonly AssignedTask[]
  readonly globalStores: ReadonlyMap<string, StateStore>
  /** It has started, and the group has said what it has. */
  readonly isSettled: boolean
}

/** The instance's parts of a store, one for each task that is active. */
export function storesOf({ globalStores, tasks }: StoreHolder, name: string): readonly StateStore[] {
  const global = globalStores.get(name)
  return global ? [global] : tasks.flatMap((task) => task.store(name) ?? [])
}

/** The same for questions: none of them before it is as it was left. */
export function storePartsOf(holder: StoreHolder, store: StoreSpec): StoreParts {
  const { name } = store
  const tasks = () => holder.tasks.filter((task) => task.has(store))
  return {
    here: () => {
      if (holder.isSettled && tasks().every(({ isActive }) => isActive)) return storesOf(holder, name)
      const message = `the store "${name}" can't be asked now: its tasks start, move or have stopped`
      throw new RivuletError('NOT_READY', message, { retryable: true, place: { step: name } })
    },
    holds: (key) =>
      holder.globalStores.has(name) ||
      tasks().some(({ partition, layout }) => partition === partitionFor(key, layout.tasks)),
  }
}
