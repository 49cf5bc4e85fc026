import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectKafka, type Kafka, silentLogger } from 'rivulet'
import type { Run } from '../job.ts'
import type { EventRange, FinalResults } from './final-results.ts'
import { type InputCounts, produceEvents } from './inputs.ts'
import type { NexmarkRun } from './program.ts'
import { type QueryName, queries } from './queries/queries.ts'
import { readResults } from './results.ts'

/** A Kafka with the events of one benchmark in it, and a folder. */
export class Site {
  readonly range: EventRange
  readonly #brokers: readonly string[]
  readonly #kafka: Kafka
  readonly #prefix = `nexmark-${randomUUID().slice(0, 8)}-`
  readonly #folder = mkdtempSync(join(tmpdir(), 'rivulet-nexmark-'))
  #counts: InputCounts = { person: 0, auction: 0, bid: 0 }

  private constructor(brokers: readonly string[], range: EventRange) {
    this.range = range
    this.#brokers = brokers
    this.#kafka = connectKafka({ brokers, clientId: 'bench', logger: silentLogger })
  }

  static async open(brokers: readonly string[], range: EventRange): Promise<Site> {
    const site = new Site(brokers, range)
    site.#counts = await produceEvents(site.#kafka, site.#prefix, range)
    return site
  }

  /** Lets somebody run a query. Throws where its results are not those that are expected. */
  async run(
    query: QueryName,
    expected: FinalResults,
    program: (options: NexmarkRun) => Promise<Run>,
  ): Promise<Run> {
    const application = `${this.#prefix}run-${randomUUID().slice(0, 8)}`
    const output = `${application}-results`
    const workDir = join(this.#folder, application)
    await this.#kafka.admin.ensureTopics([{ name: output, partitions: 1, config: { 'retention.ms': '-1' } }])
    const records = queries[query].reads.reduce((sum, kind) => sum + this.#counts[kind], 0)
    const [brokers, prefix] = [this.#brokers, this.#prefix]
    const run = await program({ query, brokers, prefix, application, output, workDir, records })
    const results = await readResults(this.#kafka, output, query, this.range)
    results.check(expected)
    await this.#deleteTopics(application)
    rmSync(workDir, { recursive: true, force: true })
    return run
  }

  /** Takes its topics away. */
  async close(): Promise<void> {
    await this.#deleteTopics(this.#prefix)
    await this.#kafka.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #deleteTopics(prefix: string): Promise<void> {
    const names = await this.#kafka.admin.topicNames()
    await this.#kafka.admin.deleteTopics(names.filter((name) => name.startsWith(prefix)))
  }
}
