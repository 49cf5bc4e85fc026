import { type Chunk, recordsOf } from '../../src/records/chunk.ts'
import { Task } from '../../src/runtime/task.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { subTopologiesOf } from '../../src/stream/sub-topologies.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { tumbling } from '../../src/windows/windows.ts'
import { inThisProcess } from './in-process.ts'
import { type BenchOptions, byTurns, type JobResult } from './job.ts'

const records = 1_000_000
const keys = 10_000
const recordsPerChunk = 10_000
const sizeMs = 60_000

/**
 * Counts 1 million records with 10,000 keys in one-minute windows: in a task, without what a broker or the test driver does
 * around it, and in a loop by hand with a `Map`. Throws if they do not make the same.
 */
export async function benchWindowedCount(options: BenchOptions): Promise<JobResult[]> {
  const chunks = makeChunks()
  const sum = countByHand(chunks)
  const held = (count: (chunks: readonly Chunk<string, number>[]) => number) => () => {
    const made = count(chunks)
    if (made !== sum) throw new Error(`the sum of the counts is ${made}, not ${sum}`)
  }
  const programs = [
    inThisProcess('rivulet', records, held(countInTask)),
    inThisProcess('loop with a Map', records, held(countByHand)),
  ]
  return [await byTurns('windowed count', programs, options)]
}

/** As a fetch hands them over: in order of time, four records a millisecond, each key as likely as the next. */
function makeChunks(): Chunk<string, number>[] {
  const names = Array.from({ length: keys }, (_, i) => `symbol-${i}`)
  let seed = 1
  return Array.from({ length: records / recordsPerChunk }, (_, c) => {
    const at = Array.from({ length: recordsPerChunk }, (_, i) => c * recordsPerChunk + i)
    return {
      topic: 'in',
      partition: 0,
      keys: at.map(() => {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
        return names[seed % keys] as string
      }),
      values: at,
      timestampsMs: at.map((i) => Math.floor(i / 4)),
      offsets: at,
    }
  })
}

function countByHand(chunks: readonly Chunk<string, number>[]): number {
  let sum = 0
  const counts = new Map<string, number>()
  for (const { keys, timestampsMs } of chunks) {
    const out: { key: string; value: number; timestampMs: number }[] = []
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string
      const timestampMs = timestampsMs[i] as number
      const window = `${key}@${timestampMs - (timestampMs % sizeMs)}`
      const value = (counts.get(window) ?? 0) + 1
      counts.set(window, value)
      out.push({ key, value, timestampMs })
    }
    for (const { value } of out) sum += value
  }
  return sum
}

function countInTask(chunks: readonly Chunk<string, number>[]): number {
  const input = topic('in', { key: serdes.string, value: serdes.long })
  const output = topic('out', { key: serdes.string, value: serdes.long })
  const app = topology('bench', ({ stream }) => {
    stream(input)
      .groupByKey()
      .windowedBy(tumbling({ sizeMs }))
      .count('counts')
      .toStream()
      .map('to symbol', (count, { key }) => [key, count ?? 0])
      .to(output)
  })
  const [source] = app.nodes
  const [subTopology] = subTopologiesOf(app)
  if (!source || !subTopology) throw new Error('there is nothing to run')
  const task = new Task({ subTopology, now: () => 0 })
  let sum = 0
  for (const chunk of chunks) {
    task.process(source, chunk)
    // One by one, as a reader would take them.
    for (const written of task.takeOutputs())
      for (const { value } of recordsOf(written.chunk)) sum += value as number
  }
  return sum
}
