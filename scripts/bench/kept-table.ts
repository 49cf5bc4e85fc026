import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { type KeptRow, readTable, tableText } from './table.ts'

const tablePath = 'docs/bench.md'

/** As it stands in `docs/`. */
export function readKept(): KeptRow[] {
  return existsSync(tablePath) ? readTable(readFileSync(tablePath, 'utf8')) : []
}

export function writeKept(rows: readonly KeptRow[], runs: number): void {
  writeFileSync(tablePath, introductionOf(runs) + tableText(rows))
}

function introductionOf(runs: number): string {
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'a processor'}, Node.js ${process.version}`
  return `# What the benchmark measures

\`npm run bench -- --write\` has made this table (last on ${machine}; ${runs} runs of each program).
\`npm run bench -- --check\` measures again, and fails where a ratio has dropped by more than 15 %: speeds are of a machine,
ratios of the programs. The programs of a job run by turns, so what changes about the machine meets all of them; how far the
runs of one program lie apart is what it does meanwhile.

- **records/s**: of the whole path from the start of a new process on; of Nexmark's queries from the first record on, as many
  records as are in the topics that the query reads; of stages and the windowed count in a process that is warm.
- **heap**: what a record makes the main thread allocate on its heap, also what is collected again. The bytes of buffers lie
  outside of the heap, and are not in it.
- **processor**, **memory**: of the program's process from its start on, all threads, on the whole path with the broker and
  ClickHouse in it.
- **Rivulet is faster**: how many times as many records a second it takes as the program of this row, in the same turn.

The jobs:

- **stage: …**: one step of the path of a record; [DESIGN.md](../DESIGN.md#where-a-records-time-goes) puts them together.
- **windowed count**: a million records of 10,000 keys, in a task without Kafka, against a loop.
- **whole path**: from a full topic through candles into the embedded ClickHouse, against programs written with kafkajs.
- **nexmark: …**: queries of Nexmark from topics to a topic of the embedded broker, exactly once, against the same written
  with kafkajs, at least once, with nothing saved. The results of all are held against plain loops, record by record.
- **nexmark on Apache Kafka: …**: the same against Flink, with its default settings, a checkpoint each 30 s, at least once;
  where Java and Maven are.

`
}
