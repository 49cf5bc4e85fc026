import type { BenchOptions, JobResult } from './job.ts'
import { benchNexmark, benchNexmarkWithFlink } from './nexmark/job.ts'
import { benchStages } from './stages/job.ts'
import { benchWholePath } from './whole-path/job.ts'
import { benchWindowedCount } from './windowed-count.ts'

/** Jobs that are run together. */
interface Bench {
  /** Where `--records` does not say it; absent: it has its own number, always. */
  readonly records?: number
  readonly run: (options: BenchOptions) => Promise<JobResult[]>
}

/** What `--only` may name. */
export const benches: Readonly<Record<string, Bench>> = {
  stages: { run: benchStages },
  'windowed-count': { run: benchWindowedCount },
  'whole-path': { records: 1_000_000, run: benchWholePath },
  nexmark: { records: 500_000, run: benchNexmark },
  'nexmark-flink': { records: 500_000, run: benchNexmarkWithFlink },
}
