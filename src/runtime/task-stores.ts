import type { StateStore } from '../state/store.ts'
import { assignedId } from './assigned-task.ts'
import { createTask } from './create-task.ts'
import type { InstanceContext } from './instance-context.ts'
import type { SubTopologyLayout } from './layout.ts'
import { LocalCopies } from './local-copies.ts'
import { StoreSerdes } from './store-serdes.ts'
import type { Task } from './task.ts'
import { TaskState } from './task-state.ts'

/** A task's stores, with what stands behind them, before it is decided who processes anything with them. */
export interface TaskStores {
  readonly task: Task
  readonly storeSerdes: StoreSerdes
  readonly state: TaskState
}

export interface TaskStoresOptions {
  readonly context: InstanceContext
  readonly globalStores: ReadonlyMap<string, StateStore>
  readonly layout: SubTopologyLayout
  readonly partition: number
}

export function createTaskStores({
  context,
  globalStores,
  layout,
  partition,
}: TaskStoresOptions): TaskStores {
  const { subTopology, stores } = layout
  const storeSerdes = new StoreSerdes(stores)
  const id = assignedId(layout, partition)
  const copies = new LocalCopies({ id, partition, stores, context })
  const task = createTask(subTopology, context.settings, globalStores, storeSerdes, copies.tableOf)
  const state = new TaskState({ id, partition, task, stores, copies, context })
  return { task, storeSerdes, state }
}
