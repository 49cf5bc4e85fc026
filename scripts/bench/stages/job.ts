import { inThisProcess } from '../in-process.ts'
import { type BenchOptions, byTurns, type JobResult } from '../job.ts'
import { operatorStages } from './operator-stages.ts'
import { sinkStage } from './sink-stage.ts'
import { makeTicks, stageRecords } from './stage.ts'
import { readStages, writeStages } from './wire-stages.ts'

/** Each stage of the path alone, in the order of the path. */
export async function benchStages(options: BenchOptions): Promise<JobResult[]> {
  const ticks = makeTicks()
  const stages = [...readStages(ticks), ...operatorStages(ticks), ...writeStages(ticks), sinkStage(ticks)]
  const results: JobResult[] = []
  for (const { name, own, byHand } of stages) {
    const programs = [
      inThisProcess('rivulet', stageRecords, own),
      ...(byHand ? [inThisProcess('by hand', stageRecords, byHand)] : []),
    ]
    results.push(await byTurns(`stage: ${name}`, programs, options))
  }
  return results
}
