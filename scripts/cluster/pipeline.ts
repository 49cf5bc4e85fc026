import {
  type BytesColumn,
  connectKafka,
  type Kafka,
  type Running,
  run,
  type SourceContext,
  serdes,
  silentLogger,
  topic,
  topology,
  tumbling,
  within,
} from 'rivulet'
import { combineLatest, filter, interval, lastValueFrom, mergeMap, Subscription, toArray } from 'rxjs'

const instances = 2
const partitions = 6
const everyMs = 20
const idsEach = 4
const keys = 97
const buckets = 50
const waitMsMax = 120_000
const sessionTimeoutMs = 10_000

const ids = serdes.json<number>()
const orders = topic('orders', { key: serdes.string, value: ids, partitions })
const pairs = topic('pairs', { key: serdes.string, value: ids, partitions })
const inWindows = topic('in-windows', { key: serdes.string, value: ids, partitions })
const inBuckets = topic('in-buckets', { key: serdes.string, value: ids, partitions })

/** What was made, and what has become of it. */
export interface ClusterAudit {
  readonly made: number
  readonly lost: number
  readonly doubled: number
  /** Counts that are not what was made comes to. */
  readonly miscounted: number
}

/** Two instances of a pipeline with a join, windows and repartitions, and somebody who looks at what comes out. */
export class Pipeline {
  readonly application = 'cluster'
  readonly sessionTimeoutMs = sessionTimeoutMs
  readonly #kafkas: readonly Kafka[]
  readonly #observer: Kafka
  readonly #running: readonly Running[]
  /** The last id that came out of each partition of the join. */
  readonly #seen: number[] = Array(partitions).fill(-1)
  readonly #watching: Subscription
  /** When it came. */
  readonly #seenMs: number[] = Array(partitions).fill(0)
  #longestMs = 0
  #made = 0
  #isOver = false

  private constructor(brokers: readonly string[]) {
    const connect = (clientId: string) => connectKafka({ brokers, clientId, logger: silentLogger })
    this.#kafkas = Array.from({ length: instances }, (_, i) => connect(`instance-${i}`))
    this.#observer = connect('observer')
    const app = this.#topology()
    this.#running = this.#kafkas.map((kafka, i) => {
      return run(app, { kafka, logger: silentLogger, sources: i === 0, sessionTimeoutMs })
    })
    this.#watching = new Subscription()
  }

  static async start(brokers: string): Promise<Pipeline> {
    const pipeline = new Pipeline(brokers.split(','))
    await Promise.all(pipeline.#running.map(({ started }) => started))
    pipeline.#watch()
    await pipeline.goesOn()
    return pipeline
  }

  /** Resolves with the time until each partition has a result of what was made after the call. */
  async goesOn(): Promise<number> {
    const [fromMs, made] = [performance.now(), this.#made]
    while (this.#seen.some((id) => id < made)) {
      const elapsedMs = performance.now() - fromMs
      if (elapsedMs > waitMsMax) throw new Error(`no results for ${waitMsMax} ms: ${this.#seen} of ${made}`)
      await Promise.race([waits(20), this.#failed()])
    }
    return performance.now() - fromMs
  }

  /** Resolves with the longest time for which a partition had no new results, from the beginning of the work until they go on. */
  async standstillIn(work: () => Promise<void>): Promise<number> {
    this.#seenMs.fill(performance.now())
    this.#longestMs = 0
    await work()
    await this.goesOn()
    return this.#longestMs
  }

  /** Lets what was made come out, ends, and compares. */
  async audit(): Promise<ClusterAudit> {
    this.#isOver = true
    const untilMs = performance.now() + waitMsMax
    let found: number[] = []
    while (found.length < this.#made && performance.now() < untilMs) {
      await waits(1_000)
      found = (await this.#read(pairs)).map(({ value }) => value)
    }
    for (const running of this.#running) await running.stop()
    found = (await this.#read(pairs)).map(({ value }) => value)
    const distinct = new Set(found)
    const counted = [await this.#counted(inWindows), await this.#counted(inBuckets)]
    return {
      made: this.#made,
      lost: this.#made - distinct.size,
      doubled: found.length - distinct.size,
      miscounted: counted.reduce((sum, count) => sum + Math.abs(count - this.#made), 0),
    }
  }

  async close(): Promise<void> {
    this.#isOver = true
    this.#watching.unsubscribe()
    await Promise.allSettled(this.#running.map((running) => running.stop()))
    await Promise.all([...this.#kafkas, this.#observer].map((kafka) => kafka.close()))
  }

  #topology() {
    return topology(this.application, ({ source, stream }) => {
      source('ids', (context) => this.#idsFrom(context), { position: (id) => id })
        .map((id) => [`k${id % keys}`, id])
        .to(orders)
      const all = stream(orders)
      const right = all.selectKey('right by id', (id) => `${id}`)
      all
        .selectKey('left by id', (id) => `${id}`)
        .join('pairs of one id', right, (id) => id, within({ ms: 600_000 }), { key: serdes.string })
        .to(pairs)
      all
        .groupByKey()
        .windowedBy(tumbling({ sizeMs: 1_000, graceMs: 3_600_000 }))
        .count('seen in a second')
        .toStream()
        .map((count, { key, startMs }) => [`${key} ${startMs}`, count ?? 0])
        .to(inWindows)
      all
        .groupBy('by bucket', (id) => `b${id % buckets}`)
        .count('seen in a bucket')
        .toStream()
        .mapValues((count) => count ?? 0)
        .to(inBuckets)
    })
  }

  /** Goes on behind what is committed: what was made and was not comes again. */
  #idsFrom({ paused$, position }: SourceContext) {
    let next = Number(position ?? -1) + 1
    return combineLatest([interval(everyMs), paused$]).pipe(
      filter(([, paused]) => !paused),
      mergeMap(() => {
        const count = Math.max(this.#isOver ? 0 : idsEach, this.#made - next)
        const made = Array.from({ length: count }, () => next++)
        this.#made = Math.max(this.#made, next)
        return made
      }),
    )
  }

  /** An instance that ends by itself. */
  async #failed(): Promise<void> {
    await Promise.all(this.#running.map(({ done }) => done))
    throw new Error('the instances have ended')
  }

  /** The sum of each key's last count. */
  async #counted(counts: typeof inBuckets): Promise<number> {
    const last = new Map((await this.#read(counts)).map(({ key, value }) => [key, value]))
    return [...last.values()].reduce((sum, count) => sum + count, 0)
  }

  async #read(from: typeof pairs): Promise<{ readonly key: string; readonly value: number }[]> {
    const records: { readonly key: string; readonly value: number }[] = []
    for (const { partition, endOffset } of await this.#observer.admin.offsets(from.name)) {
      const read = this.#observer.read(from.name, partition, { fromOffset: 0, toOffset: endOffset })
      for (const { chunk } of await lastValueFrom(read.pipe(toArray()), { defaultValue: [] })) {
        const keys = [...chunk.keys].map(String)
        records.push(...idsOf(chunk.values).map((value, i) => ({ key: keys[i] ?? '', value })))
      }
    }
    return records
  }

  #watch(): void {
    for (let partition = 0; partition < partitions; partition++) {
      const read = this.#observer.read(pairs.name, partition, { fromOffset: 0, toOffset: 'follow' })
      this.#watching.add(
        read.subscribe(({ chunk }) => this.#saw(partition, Math.max(-1, ...idsOf(chunk.values)))),
      )
    }
  }

  #saw(partition: number, id: number): void {
    if (id <= (this.#seen[partition] as number)) return
    const nowMs = performance.now()
    this.#longestMs = Math.max(this.#longestMs, nowMs - (this.#seenMs[partition] as number))
    this.#seen[partition] = id
    this.#seenMs[partition] = nowMs
  }
}

const idsOf = (values: BytesColumn) => [...values].map(Number)
const waits = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
