import { createHash } from 'node:crypto'
import { lastValueFrom, reduce } from 'rxjs'
import { coinbaseTrades, market } from '../../../pipelines/crypto.ts'
import { candlesTable, ticksTable } from '../../../pipelines/market/tables.ts'
import { positionOf, stockTicks } from '../../../pipelines/market/tick.ts'
import { messageOf } from '../../../src/errors.ts'
import type { Kafka } from '../../../src/kafka/types.ts'
import { silentLogger } from '../../../src/logger.ts'
import type { RawChunk } from '../../../src/records/chunk.ts'
import { Deployment } from '../../../src/testing/simulation/deployment.ts'
import { type Fault, type FaultRates, noFaults, planFaults } from '../../../src/testing/simulation/faults.ts'
import { seededRandom } from '../../../src/testing/simulation/seeded-random.ts'
import { simulatedKafka } from '../../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../../src/testing/simulation/world.ts'
import { type ExchangeFault, planExchangeFaults } from './exchange-faults.ts'
import { type TapeTick, whatIsBroken } from './market-invariants.ts'
import { SimulatedExchange } from './simulated-exchange.ts'

/** One run, wholly determined. */
export interface MarketPlan {
  readonly seed: number
  readonly faults: readonly Fault[]
  readonly exchangeFaults: readonly ExchangeFault[]
}

export interface MarketOutcome {
  /** What did not hold; empty: all did. */
  readonly broken: readonly string[]
  /** Of all that was written, and of how much went over the network; frames themselves have random keys and dates. */
  readonly traceHash: string
  readonly messages: number
  readonly virtualMs: number
  /** On the topic at the end. */
  readonly trades: number
}

const listed = ['SOL-USD', 'XRP-USD', 'LTC-EUR', 'LTC-USD']
/** Each start follows LTC in the other currency. */
const productsOf = (starts: number) => ['SOL-USD', 'XRP-USD', starts % 2 === 0 ? 'LTC-EUR' : 'LTC-USD']
/** Three minutes, of which two are closed at the end. */
const durationMs = 150_000
const limitMs = 600_000
const tables = [ticksTable, candlesTable]
const lookMs = 2_000
const startMs = 60_000

const rates: FaultRates = {
  ...noFaults,
  kill: 2,
  freeze: 1,
  cut: 3,
  'lose-answers': 2,
  'kill-broker': 1,
  'clock-jump': 1,
  'instance-power-loss': 1,
  'disk-loss': 0,
  'disk-full': 0,
  deploy: 0,
}

export function marketPlanOf(seed: number): MarketPlan {
  const random = seededRandom(seed)
  return {
    seed,
    faults: planFaults(random, durationMs, rates),
    exchangeFaults: planExchangeFaults(random, durationMs),
  }
}

/**
 * The whole pipeline of the market on virtual time: exchange, source, Kafka, candles and tables, through a plan of faults
 * of each of them. When the faults are over it must hold every trade once: see `whatIsBroken`.
 */
export async function simulateMarket({ seed, faults, exchangeFaults }: MarketPlan): Promise<MarketOutcome> {
  const world = new World(seed)
  const exchange = new SimulatedExchange(world, { products: listed, tradesForMs: durationMs })
  let starts = 0
  let products = productsOf(starts)
  const deployment = new Deployment(world, {
    topology: (machine) => {
      products = productsOf(starts++)
      const at = exchange.seenFrom(machine)
      return market(
        'crypto',
        'coinbase',
        coinbaseTrades({ ...at, products, tape: { topic: stockTicks, positionOf } }),
      )
    },
    instances: 1,
    environment: {},
    clickhouse: { tokensMax: 100, faults: { lost: 0.01, unanswered: 0.02, failing: 0.02 } },
    logger: silentLogger,
  })
  await world.ended(deployment.startBroker(), startMs)
  const client = simulatedKafka(world, world.machine('client'), [deployment.broker.address])
  await world.ended(client.admin.ensureTopics([stockTicks]), startMs)
  deployment.startInstances()
  const beganMs = world.time.nowMs
  for (const fault of faults) world.time.at(beganMs + fault.atMs, () => deployment.strike(fault))
  for (const fault of exchangeFaults) world.time.at(beganMs + fault.atMs, () => exchange.strike(fault))
  await world.pass(durationMs)
  deployment.recover()

  let broken: readonly string[] = ['nothing was read']
  let ticks: readonly TapeTick[] = []
  for (const endMs = world.time.nowMs + limitMs; world.time.nowMs < endMs && broken.length > 0; ) {
    await world.pass(lookMs)
    if (deployment.failures.length > 0) {
      broken = deployment.failures.map((error) => `ended: ${messageOf(error)}`)
      break
    }
    ticks = await world.ended(ticksOn(client), limitMs)
    broken = whatIsBroken({
      listed,
      followed: products,
      ticks,
      exchange: exchange.market,
      clickhouse: deployment.clickhouse,
    })
    // What was passed over never comes.
    if (broken.some((each) => each.includes('follows on'))) break
  }
  const { messages, time } = world
  const written = [ticks, ...tables.map(({ name }) => deployment.clickhouse?.parts(name))]
  const trace = createHash('sha1').update(JSON.stringify([messages, time.elapsedMs, written]))
  const traceHash = trace.digest('hex').slice(0, 16)
  return { broken, traceHash, messages, virtualMs: Math.round(time.elapsedMs), trades: ticks.length }
}

/** All that lies on the topic's one partition. */
async function ticksOn(client: Kafka): Promise<readonly TapeTick[]> {
  const [range] = await client.admin.offsets(stockTicks.name)
  if (!range || range.endOffset === 0) return []
  const fetched$ = client.read(stockTicks.name, range.partition, { toOffset: range.endOffset })
  const collect = (ticks: TapeTick[], { chunk }: { readonly chunk: RawChunk }) => {
    for (const [i, bytes] of [...chunk.values].entries()) {
      const value = stockTicks.value.deserialize(bytes as Buffer)
      const headers = chunk.headers?.[i]
      const { product } = positionOf({
        key: value.symbol,
        value,
        timestampMs: 0,
        ...(headers && { headers }),
      })
      ticks.push({ product, tick: value })
    }
    return ticks
  }
  return lastValueFrom(fetched$.pipe(reduce(collect, [])), { defaultValue: [] })
}
