import { type InputLayout, isTaskLayout, type Layout, type SubTopologyLayout } from '../runtime/layout.ts'
import type { StateStore } from '../state/store.ts'
import { DriverTask, type DriverTaskOptions } from './driver-task.ts'

export interface DriverTasksOptions extends Omit<DriverTaskOptions, 'part' | 'partition' | 'globalStores'> {
  readonly layout: Layout
}

/** A task that reads a partition, and how. */
export interface DriverReader {
  readonly task: DriverTask
  readonly input: InputLayout
}

/** All tasks of a topology: one for each sub-topology and partition, one for each source and each global table. */
export class DriverTasks {
  readonly all: readonly DriverTask[]
  /** By `<topic>/<partition>`. */
  readonly #readers = new Map<string, DriverReader[]>()

  constructor(options: DriverTasksOptions) {
    const globalStores = new Map<string, StateStore>()
    const all: DriverTask[] = []
    // Global tables first: the other tasks look into their stores.
    const globalFirst = options.layout.subTopologies.toSorted(
      (a, b) => Number(isGlobal(b)) - Number(isGlobal(a)),
    )
    for (const part of globalFirst) {
      for (let partition = 0; partition < tasksOf(part); partition++) {
        const task = new DriverTask({ ...options, part, partition, globalStores })
        if (isGlobal(part)) for (const [name, store] of task.task.stores) globalStores.set(name, store)
        all.push(task)
        this.#index(task)
      }
    }
    this.all = all
  }

  readersOf(topic: string, partition: number): readonly DriverReader[] {
    const readers = this.#readers.get(`${topic}/${partition}`)
    return readers ?? this.#readersByPattern(topic, partition)
  }

  /** How the topic is read; undefined: by nobody. */
  inputOf(topic: string): InputLayout | undefined {
    return this.readersOf(topic, 0)[0]?.input
  }

  /** Each task's part of the store, in order of their partitions. */
  storesOf(name: string): StateStore[] {
    return this.all.flatMap(({ task }) => task.stores.get(name) ?? [])
  }

  /** Where nobody reads the topic by its name: those whose pattern finds it. */
  #readersByPattern(topic: string, partition: number): readonly DriverReader[] {
    return this.all.flatMap((task) =>
      task.part.inputs
        .filter(({ node }) => node.type === 'topic-source' && node.pattern?.test(topic))
        .filter(({ partitions }) => task.partition === partition && partition < partitions)
        .map((input) => ({ task, input: { ...input, topic } })),
    )
  }

  #index(task: DriverTask): void {
    for (const input of task.part.inputs) {
      for (let partition = 0; partition < input.partitions; partition++) {
        if (!isGlobal(task.part) && partition !== task.partition) continue
        const name = `${input.topic}/${partition}`
        this.#readers.set(name, [...(this.#readers.get(name) ?? []), { task, input }])
      }
    }
  }
}

function tasksOf(part: SubTopologyLayout): number {
  return isTaskLayout(part) ? part.tasks : 1
}

function isGlobal({ subTopology }: SubTopologyLayout): boolean {
  return subTopology.kind === 'global'
}
