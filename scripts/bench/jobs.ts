import type { BenchOptions, JobResult } from './job.ts'
import { benchNexmark, benchNexmarkWithFlink } from './nexmark/job.ts'
import { benchStages } from './stages/job.ts'
import { benchWholePath } from './whole-path/job.ts'
import { benchWindowedCount } from './windowed-count.ts'

/** What `--only` may name. */
export const benches: Readonly<Record<string, (options: BenchOptions) => Promise<JobResult[]>>> = {
  stages: benchStages,
  'windowed-count': async (options) => [await benchWindowedCount(options)],
  'whole-path': async (options) => [await benchWholePath(options)],
  nexmark: benchNexmark,
  'nexmark-flink': benchNexmarkWithFlink,
}
