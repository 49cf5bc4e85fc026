import type { RowTable } from '../state/disk-table.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import type { SubTopology } from '../stream/sub-topologies.ts'
import type { Settings } from './environment.ts'
import type { StoreSerdes } from './store-serdes.ts'
import { Task } from './task.ts'

/** A task as the environment wants it, with the global tables in reach. */
export function createTask(
  subTopology: SubTopology,
  { clock, emitIntervalMs, onCallbackError }: Settings,
  globalStores: ReadonlyMap<string, StateStore>,
  storeSerdes?: StoreSerdes,
  tableOf?: (spec: StoreSpec) => RowTable | undefined,
): Task {
  return new Task({
    subTopology,
    now: () => clock.now(),
    emitIntervalMs,
    onCallbackError,
    globalStores,
    ...(storeSerdes && { bind: storeSerdes.bind }),
    ...(tableOf && { tableOf }),
  })
}
