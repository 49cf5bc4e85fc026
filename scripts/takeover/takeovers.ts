import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connectKafka, type PipelineStatus, silentLogger } from 'rivulet'
import { seededRandom } from '../../pipelines/market/synthetic/random.ts'
import { type KafkaKind, type OuterKafka, outerKafka } from '../campaign/outer-kafka.ts'
import { Program } from '../campaign/program.ts'
import { partitions, records, results } from './counting.ts'
import { Feed } from './feed.ts'
import { type Findings, ResultWatch } from './result-watch.ts'

export interface TakeoverOptions {
  readonly kafka: Exclude<KafkaKind, 'embedded'>
  readonly standbys: number
  /** How many kills. */
  readonly times: number
  readonly keys: number
  readonly seed: number
  /** Told how far it has come. */
  readonly say: (line: string) => void
}

/** Of one kill: how long until others gave new results of what the dead one had. */
export interface Takeover {
  /** Of the first of its partitions. */
  readonly firstMs: number
  /** Of all of them. */
  readonly allMs: number
}

const entry = fileURLToPath(new URL('counting.ts', import.meta.url))
const instances = 3
const sessionTimeoutMs = 3_000
const feedIntervalMs = 20
const filledMsMax = 300_000
const settledMsMax = 120_000
const caughtUpMsMax = 60_000

/**
 * Kills one of three instances, again and again, each time when all three have their share and the copies that there are to be;
 * who comes in its place has an empty disk. Answers how long it took each time, and what was found among the results.
 */
export async function takeovers(
  options: TakeoverOptions,
): Promise<{ readonly takeovers: readonly Takeover[]; readonly findings: Findings }> {
  const dir = mkdtempSync(join(tmpdir(), 'rivulet-takeover-'))
  const outer = await outerKafka(options.kafka, join(dir, 'broker'), sessionTimeoutMs)
  if (!outer) throw new Error('the instances need a Kafka that is outside of them')
  const site = await TakeoverSite.open(outer, dir, options)
  try {
    return await site.run()
  } finally {
    await site.close()
    await outer.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Three instances, who feeds them, and who watches. */
class TakeoverSite {
  readonly #brokers: string
  readonly #dir: string
  readonly #options: TakeoverOptions
  readonly #kafka: ReturnType<typeof connectKafka>
  readonly #random: () => number
  readonly #feed: Feed
  readonly #watch: ResultWatch
  #programs: Program[] = []
  #started = 0

  private constructor(brokers: string, dir: string, options: TakeoverOptions) {
    this.#brokers = brokers
    this.#dir = dir
    this.#options = options
    this.#kafka = connectKafka({ brokers: brokers.split(','), clientId: 'takeover', logger: silentLogger })
    this.#random = seededRandom(options.seed)
    this.#feed = new Feed(this.#kafka, options.keys, this.#random)
    this.#watch = new ResultWatch(this.#kafka)
  }

  static async open({ brokers }: OuterKafka, dir: string, options: TakeoverOptions): Promise<TakeoverSite> {
    const site = new TakeoverSite(brokers, dir, options)
    await site.#kafka.admin.ensureTopics([records, results])
    return site
  }

  async run(): Promise<{ readonly takeovers: readonly Takeover[]; readonly findings: Findings }> {
    const { times, say } = this.#options
    this.#programs = Array.from({ length: instances }, () => this.#start())
    await this.#feed.fill()
    await this.#until('every key has its count', () => this.#isCaughtUp(), filledMsMax)
    this.#feed.begin(feedIntervalMs)
    const all: Takeover[] = []
    for (let i = 1; i <= times; i++) {
      await this.#until('all have their share and copies', () => this.#isSettled(), settledMsMax)
      const takeover = await this.#kill(Math.floor(this.#random() * instances))
      all.push(takeover)
      say(`${i} of ${times} kills: ${takeover.firstMs} ms, ${takeover.allMs} ms`)
    }
    await this.#feed.end()
    await this.#until('every record has its result', () => this.#isCaughtUp(), caughtUpMsMax)
    for (const program of this.#programs) await program.stop()
    // What would be there twice has come by now.
    await sleep(1_000)
    return { takeovers: all, findings: this.#watch.findings }
  }

  async close(): Promise<void> {
    for (const program of this.#programs) if (program.isRunning) await program.kill()
    await this.#feed.end()
    this.#watch.close()
    await this.#kafka.close()
  }

  async #kill(index: number): Promise<Takeover> {
    const victim = this.#programs[index] as Program
    const lost = this.#watch.madeBy(victim.name)
    const startMs = performance.now()
    const taken = lost.map(async (partition) => {
      await this.#watch.untilTakenOver(partition)
      return Math.round(performance.now() - startMs)
    })
    await victim.kill()
    const afterMs = await Promise.race([Promise.all(taken), sleep(settledMsMax)])
    if (!afterMs) throw new Error(`nobody has taken over what ${victim.name} had`)
    this.#programs[index] = this.#start()
    return { firstMs: Math.min(...afterMs), allMs: Math.max(...afterMs) }
  }

  #start(): Program {
    const name = `instance-${++this.#started}`
    const env = {
      INSTANCE: name,
      DATA_DIR: join(this.#dir, name),
      KAFKA_BROKERS: this.#brokers,
      KAFKA_STANDBYS: String(this.#options.standbys),
      KAFKA_SESSION_TIMEOUT_MS: String(sessionTimeoutMs),
    }
    return new Program({ name, entry, env })
  }

  async #isSettled(): Promise<boolean> {
    const share = partitions / instances
    if (this.#programs.some(({ name }) => this.#watch.madeBy(name).length !== share)) return false
    const statuses = await Promise.all(this.#programs.map((program) => statusOf(program)))
    const copies = statuses.flatMap((status) => status?.standbys ?? [])
    const copied = copies.filter(({ lag }) => lag !== null).length
    return copied === copies.length && copied === partitions * this.#options.standbys
  }

  async #isCaughtUp(): Promise<boolean> {
    return this.#feed.sent.every((sequence, partition) => this.#watch.sequences[partition] === sequence)
  }

  /** Of each instance; one that the group has taken everything from, again and again, gets too little of the machine. */
  get #standings(): readonly string[] {
    return this.#programs.map(({ name, log }) => {
      const expulsions = log.split('was not heard of in time').length - 1
      return `${name} has made the newest results of ${this.#watch.madeBy(name).join(', ') || 'no partition'}; the group has expelled it ${expulsions} times`
    })
  }

  async #until(what: string, condition: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs
    while (!(await condition())) {
      const ended = this.#programs.find(({ isRunning }) => !isRunning)
      if (ended) throw new Error(`${ended.name} ended by itself\n${ended.log}`)
      if (performance.now() > endMs)
        throw new Error(`not within ${timeoutMs} ms: ${what}\n${this.#standings.join('\n')}`)
      await sleep(100)
    }
  }
}

/** Undefined: it does not answer yet. */
async function statusOf({ url }: Program): Promise<PipelineStatus | undefined> {
  if (url === undefined) return undefined
  try {
    const answer = await fetch(new URL('/api/pipeline', url), { signal: AbortSignal.timeout(5_000) })
    return (await answer.json()) as PipelineStatus
  } catch {
    return undefined
  }
}
