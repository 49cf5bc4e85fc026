import { countAllocation } from './allocation.ts'
import type { Program } from './job.ts'

/** Of one run: collections of the heap must meet all runs alike. */
const runMsMin = 500

/** A program that shares this process with the others of its job: it has run before it is measured, then again and again. */
export function inThisProcess(name: string, records: number, work: () => void): Program {
  return {
    name,
    run(turn) {
      if (turn === 0) work()
      const allocated = countAllocation()
      const startedMs = performance.now()
      let [times, elapsedMs] = [0, 0]
      for (; elapsedMs < runMsMin; times++) {
        work()
        elapsedMs = performance.now() - startedMs
      }
      const done = records * times
      return { recordsPerS: (done / elapsedMs) * 1_000, heapBytesPerRecord: allocated() / done }
    },
  }
}
