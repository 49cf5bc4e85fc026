import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import type { BenchOptions } from './job.ts'
import { type KeptRow, readTable, tableText } from './table.ts'

const tablePath = 'docs/bench.md'

/** As it stands in `docs/`. */
export function readKept(): KeptRow[] {
  return existsSync(tablePath) ? readTable(readFileSync(tablePath, 'utf8')) : []
}

export function writeKept(rows: readonly KeptRow[], options: BenchOptions): void {
  writeFileSync(tablePath, introductionOf(options) + tableText(rows))
}

function introductionOf({ records, runs }: Pick<BenchOptions, 'records' | 'runs'>): string {
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'a processor'}, Node.js ${process.version}`
  return `# What the benchmark measures

\`npm run bench -- --write\` has made this table (last on ${machine}, with ${records.toLocaleString('en')} records, ${runs} runs of
each program). \`npm run bench -- --check\` measures again, and fails where a ratio has dropped by more than 15 %: speeds are of a
machine, ratios of the programs. A job's programs run by turns, so what changes about the machine meets all of them; what
two runs of one program differ by is what the machine does.

- **records/s**: of the whole job, in a process that has just started. Stages and the windowed count are alone in a warm one.
- **heap**: bytes that a record makes the main thread allocate on its heap, all that is collected again included. The bytes
  of buffers lie outside of the heap, and are not in it.
- **processor**, **memory**: of the program's process, all threads, with the broker and ClickHouse where they are in it.
- **Rivulet is faster**: how many times as many records a second it takes than the program of this row, in the same turn.

Jobs: \`stage: …\`, one step of the path of a record ([DESIGN.md](../DESIGN.md#where-a-records-time-goes) puts them together);
\`windowed count\`, in a task without Kafka; \`whole path\`, from a full topic through candles into the embedded ClickHouse, against
programs written with kafkajs; \`nexmark …\`, the queries of Nexmark exactly once from topics to a topic, against
the same with kafkajs, at least once and with nothing saved, and against Flink where Java and Maven are there.

`
}
