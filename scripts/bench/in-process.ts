import { countAllocation } from './allocation.ts'
import type { Program } from './job.ts'

/** A program that shares this process with the others of its job: it has run once before it is measured. */
export function inThisProcess(name: string, records: number, work: () => void): Program {
  return {
    name,
    run(turn) {
      if (turn === 0) work()
      const allocated = countAllocation()
      const startedMs = performance.now()
      work()
      const elapsedMs = performance.now() - startedMs
      return { recordsPerS: (records / elapsedMs) * 1_000, heapBytesPerRecord: allocated() / records }
    },
  }
}
