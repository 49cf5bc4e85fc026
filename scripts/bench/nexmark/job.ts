import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectKafka, type Kafka, silentLogger } from 'rivulet'
import { startBroker } from 'rivulet/broker'
import { type BenchOptions, byTurns, type JobResult, type Run } from '../job.ts'
import { inOwnProcess } from '../own-process.ts'
import { type EventRange, expectedResults, type FinalResults } from './final-results.ts'
import { produceEvents } from './inputs.ts'
import type { NexmarkProgram } from './program.ts'
import { type QueryName, queries, queryNames } from './queries/queries.ts'
import { readResults } from './results.ts'

/** A Kafka with the events in it. */
interface Site {
  readonly brokers: readonly string[]
  readonly kafka: Kafka
  readonly prefix: string
  readonly range: EventRange
  readonly counts: Awaited<ReturnType<typeof produceEvents>>
  readonly folder: string
}

/** The queries over `KAFKA_BROKERS`, else over an embedded broker in this process, which has nothing else to do meanwhile. */
export async function benchNexmark(options: BenchOptions): Promise<JobResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-nexmark-'))
  const given = process.env.KAFKA_BROKERS?.split(',')
  const embedded = given ? undefined : await startBroker({ dataDir: join(folder, 'broker') })
  const brokers = given ?? embedded?.brokers ?? []
  const kafka = connectKafka({ brokers, clientId: 'bench', logger: silentLogger })
  try {
    return await benchQueries({ brokers, kafka, folder }, options)
  } finally {
    await kafka.close()
    await embedded?.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function benchQueries(
  at: Pick<Site, 'brokers' | 'kafka' | 'folder'>,
  options: BenchOptions,
): Promise<JobResult[]> {
  const prefix = `nexmark-${randomUUID().slice(0, 8)}-`
  const range = { events: options.records }
  const site = { ...at, prefix, range, counts: await produceEvents(at.kafka, prefix, range) }
  const results: JobResult[] = []
  for (const query of queryNames) {
    const expected = expectedResults(query, range)
    const programs = (['rivulet', 'eachBatch'] as const).map((program) => ({
      name: program,
      run: () => runOnce(site, query, program, expected),
    }))
    results.push(await byTurns(`nexmark ${query}`, programs, options))
  }
  await deleteTopics(at.kafka, prefix)
  return results
}

/** Throws where its results are not those that are expected. */
async function runOnce(
  { brokers, kafka, prefix, range, counts, folder }: Site,
  query: QueryName,
  program: NexmarkProgram['program'],
  expected: FinalResults,
): Promise<Run> {
  const application = `${prefix}run-${randomUUID().slice(0, 8)}`
  const output = `${application}-results`
  const workDir = join(folder, application)
  await kafka.admin.ensureTopics([{ name: output, partitions: 1, config: { 'retention.ms': '-1' } }])
  const records = queries[query].reads.reduce((sum, kind) => sum + counts[kind], 0)
  const run = await inOwnProcess({
    ...{ job: 'nexmark', program, query, brokers, prefix, application, output, workDir, records },
  })
  const results = await readResults(kafka, output, query, range)
  results.check(expected)
  await deleteTopics(kafka, application)
  rmSync(workDir, { recursive: true, force: true })
  return run
}

async function deleteTopics(kafka: Kafka, prefix: string): Promise<void> {
  const names = await kafka.admin.topicNames()
  await kafka.admin.deleteTopics(names.filter((name) => name.startsWith(prefix)))
}
