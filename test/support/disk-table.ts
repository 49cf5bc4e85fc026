import { systemClock } from '../../src/clock.ts'
import { DiskTable } from '../../src/state/disk-table.ts'
import { MemoryDirectory } from '../../src/storage/memory.ts'

/** Rows as on a disk, in files of a few hundred bytes, so that they are cleaned away all the time. */
export function diskTable(): DiskTable {
  const folder = new MemoryDirectory(systemClock)
  const failed = (error: unknown) => {
    throw error
  }
  return new DiskTable({
    folder: () => folder,
    identity: 'log/0',
    clock: systemClock,
    segmentBytes: 300,
    failed,
  })
}
