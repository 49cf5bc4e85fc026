import { connectKafka, type PipelineStatus, run, silentLogger, systemClock } from 'rivulet'
import type { NexmarkProgram } from './program.ts'
import { queries } from './queries/queries.ts'
import { nexmarkTopics } from './topics.ts'

/** Ends of topics are asked for every two seconds: what has come later than that would be seen by then. */
const quietMs = 2_500

/** The query exactly once, as users run it. Answers the time from the moment when its tasks run to the last commit, ms. */
export async function runRivulet(options: NexmarkProgram): Promise<number> {
  const { query, brokers, prefix, application, output, workDir, records } = options
  const topology = queries[query].topology({ application, topics: nexmarkTopics(prefix), output })
  const kafka = connectKafka({ brokers, clientId: 'bench', logger: silentLogger })
  const running = run(topology, { kafka, logger: silentLogger, stateDir: workDir })
  await Promise.race([running.started, running.done])
  const startedMs = systemClock.now()
  let committedMs: number | undefined
  while (committedMs === undefined) {
    await Promise.race([systemClock.sleep(100), running.done])
    committedMs = lastCommitMs(running.status(), prefix, records)
  }
  await running.stop()
  await kafka.close()
  return committedMs - startedMs
}

/** When the last commit was, if nothing is left: of the inputs, and of what the topology has written for itself. */
function lastCommitMs(
  { partitions, last_commit }: PipelineStatus,
  prefix: string,
  records: number,
): number | undefined {
  let committed = 0
  for (const { topic, committed: offset } of partitions) if (topic.startsWith(prefix)) committed += offset
  if (committed < records || last_commit === null || partitions.some(({ lag }) => lag > 0)) return undefined
  const committedMs = Date.parse(last_commit)
  return systemClock.now() - committedMs > quietMs ? committedMs : undefined
}
