import { GCProfiler } from 'node:v8'

/**
 * Counts from now on what this thread allocates on its heap, and answers when it is called, in bytes: what was there
 * before each collection and was not behind the one before. What lies outside of the heap, such as the bytes of a `Buffer`, is
 * not in it.
 */
export function countAllocation(): () => number {
  const profiler = new GCProfiler()
  let usedBytes = process.memoryUsage().heapUsed
  profiler.start()
  return () => {
    const endBytes = process.memoryUsage().heapUsed
    let allocatedBytes = 0
    for (const { beforeGC, afterGC } of profiler.stop().statistics) {
      // Pages are swept between collections, too: then it is less than it was.
      allocatedBytes += Math.max(0, beforeGC.heapStatistics.usedHeapSize - usedBytes)
      usedBytes = afterGC.heapStatistics.usedHeapSize
    }
    return allocatedBytes + Math.max(0, endBytes - usedBytes)
  }
}
