import { messageOf, RivuletError } from '../errors.ts'
import { Checkpoint } from '../state/checkpoint.ts'
import { DiskTable, type RowTable } from '../state/disk-table.ts'
import type { LocalCopy } from '../state/local-copy.ts'
import { forgetsAfterMs, type StoreSpec, storeTypeOf } from '../state/store.ts'
import { DiskDirectory } from '../storage/disk.ts'
import type { LogDirectory } from '../storage/storage.ts'
import type { InstanceContext } from './instance-context.ts'
import type { StoreLayout } from './layout.ts'

export interface LocalCopiesOptions {
  readonly id: string
  readonly partition: number
  readonly stores: readonly StoreLayout[]
  readonly context: InstanceContext
}

/** What a task has of its changelogs on the local disk: of stores in memory a checkpoint, of the others all their rows. */
export class LocalCopies {
  readonly #options: LocalCopiesOptions
  /** By store. Absent: the environment has no place for them. */
  readonly #copies = new Map<string, LocalCopy>()
  readonly #tables = new Map<string, DiskTable>()

  constructor(options: LocalCopiesOptions) {
    this.#options = options
    for (const store of options.stores) if (store.isChangelog) this.#add(store)
  }

  of({ name }: StoreSpec): LocalCopy | undefined {
    return this.#copies.get(name)
  }

  /** Undefined: all its rows are in memory. */
  readonly tableOf = ({ name }: StoreSpec): RowTable | undefined => this.#tables.get(name)

  async close(): Promise<void> {
    await Promise.all([...this.#copies.values()].map((copy) => copy.close()))
  }

  #add(store: StoreLayout): void {
    const { spec, topic } = store
    const { partition, context } = this.#options
    const { stateDir, storeType } = context.settings
    const isOnDisk = storeTypeOf(spec, storeType) === 'disk'
    if (stateDir === undefined) {
      if (isOnDisk) throw noPlace(spec)
      return
    }
    const folder = () => folderOf(stateDir).directory(context.layout.application).directory(String(partition))
    const identity = `${topic}/${partition}`
    if (isOnDisk) {
      const table = new DiskTable({
        folder: () => folder().directory(`${topic}.rows`),
        identity,
        clock: context.settings.clock,
        failed: this.#warnOf(spec, 'trouble with its rows on disk'),
      })
      this.#tables.set(spec.name, table)
      this.#copies.set(spec.name, table)
      return
    }
    const forgetAfterMs = forgetsAfterMs(spec)
    const checkpoint = new Checkpoint({
      folder,
      name: `${topic}.checkpoint`,
      identity,
      ...(forgetAfterMs !== undefined && { forgetAfterMs: forgetAfterMs * 2 }),
      failed: this.#warnOf(spec, 'goes on without its checkpoint'),
    })
    this.#copies.set(spec.name, checkpoint)
  }

  #warnOf({ name }: StoreSpec, what: string): (error: unknown) => void {
    const { id, context } = this.#options
    return (error) => context.logger.warn({ task: id, store: name }, `${what}: ${messageOf(error)}`)
  }
}

function noPlace({ name }: StoreSpec): RivuletError {
  const message = `the store "${name}" is to be on disk: stateDir must say where`
  return new RivuletError('BAD_CONFIG', message, { place: { store: name, parameter: 'stateDir' } })
}

function folderOf(stateDir: string | LogDirectory): LogDirectory {
  return typeof stateDir === 'string' ? new DiskDirectory(stateDir) : stateDir
}
