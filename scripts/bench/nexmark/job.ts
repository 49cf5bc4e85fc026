import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from 'rivulet/broker'
import { startRealKafka } from '../../../test/support/real-kafka.ts'
import { type BenchOptions, byTurns, type JobResult, type Run } from '../job.ts'
import { inOwnProcess } from '../own-process.ts'
import { expectedResults } from './final-results.ts'
import { prepareFlink, runFlink } from './flink/flink.ts'
import type { NexmarkProgram, NexmarkRun } from './program.ts'
import { queryNames } from './queries/queries.ts'
import { Site } from './site.ts'

/** Who runs queries, by name; ours first. */
type Programs = Readonly<Record<string, (options: NexmarkRun) => Promise<Run>>>

/** Over `KAFKA_BROKERS`, else over an embedded broker in this process, which has nothing else to do meanwhile. */
export async function benchNexmark(options: BenchOptions): Promise<JobResult[]> {
  const programs = { rivulet: typeScript('rivulet'), eachBatch: typeScript('eachBatch') }
  const given = givenBrokers()
  if (given) return await benchQueries(given, 'nexmark', programs, options)
  const dataDir = mkdtempSync(join(tmpdir(), 'rivulet-nexmark-broker-'))
  const broker = await startBroker({ dataDir })
  try {
    return await benchQueries(broker.brokers, 'nexmark', programs, options)
  } finally {
    await broker.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** The same against Flink, over `KAFKA_BROKERS`, else over an Apache Kafka of its own; skipped where Java or Maven is missing. */
export async function benchNexmarkWithFlink(options: BenchOptions): Promise<JobResult[]> {
  const job = 'nexmark on Apache Kafka'
  const flink = await prepareFlink()
  if ('unavailable' in flink) return skipped(job, flink.unavailable)
  const programs = { rivulet: typeScript('rivulet'), flink: (run: NexmarkRun) => runFlink(flink, run) }
  const given = givenBrokers()
  if (given) return await benchQueries(given, job, programs, options)
  const kafka = await startRealKafka()
  if ('unavailable' in kafka) return skipped(job, kafka.unavailable)
  try {
    return await benchQueries(kafka.brokers, job, programs, options)
  } finally {
    await kafka.stop()
  }
}

async function benchQueries(
  brokers: readonly string[],
  job: string,
  programs: Programs,
  options: BenchOptions,
): Promise<JobResult[]> {
  const site = await Site.open(brokers, { events: options.records })
  try {
    const results: JobResult[] = []
    for (const query of queryNames) {
      const expected = expectedResults(query, site.range)
      const contenders = Object.entries(programs).map(([name, program]) => ({
        name,
        run: () => site.run(query, expected, program),
      }))
      results.push(await byTurns(`${job}: ${query}`, contenders, options))
    }
    return results
  } finally {
    await site.close()
  }
}

function typeScript(program: NexmarkProgram['program']): (options: NexmarkRun) => Promise<Run> {
  return (options) => inOwnProcess({ job: 'nexmark', program, ...options })
}

function skipped(job: string, why: string): JobResult[] {
  return queryNames.map((query) => ({
    job: `${job}: ${query}`,
    programs: [],
    skipped: ['rivulet', 'flink'].map((program) => ({ program, why })),
  }))
}

function givenBrokers(): readonly string[] | undefined {
  return process.env.KAFKA_BROKERS?.split(',')
}
