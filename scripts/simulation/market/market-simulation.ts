import { createHash } from 'node:crypto'
import { lastValueFrom, reduce } from 'rxjs'
import { coinbaseTrades, market } from '../../../pipelines/crypto.ts'
import { candlesTable, ticksTable } from '../../../pipelines/market/tables.ts'
import { positionOf, stockTicks } from '../../../pipelines/market/tick.ts'
import { messageOf } from '../../../src/errors.ts'
import type { Kafka } from '../../../src/kafka/types.ts'
import { createLogger, type Logger } from '../../../src/logger.ts'
import type { RawChunk } from '../../../src/records/chunk.ts'
import { Deployment } from '../../../src/testing/simulation/deployment.ts'
import { type Fault, type FaultRates, noFaults, planFaults } from '../../../src/testing/simulation/faults.ts'
import { seededRandom } from '../../../src/testing/simulation/seeded-random.ts'
import { simulatedKafka } from '../../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../../src/testing/simulation/world.ts'
import { type ExchangeFault, planDailyFaults, planExchangeFaults } from './exchange-faults.ts'
import { isForGood, type TapeTick, whatIsBroken } from './market-invariants.ts'
import { SimulatedExchange } from './simulated-exchange.ts'

/** One run, wholly determined. */
export interface MarketPlan {
  readonly seed: number
  /** How many run at the same time. */
  readonly instances: number
  /** How many nodes Kafka has. */
  readonly brokers: number
  /** Trades happen for so long. */
  readonly durationMs: number
  /** How far some of the nodes behind the exchange's REST API are behind, while they are. */
  readonly restLagMs: number
  /**
   * Whether no trade may be too late for its candle, also where all instances were away for a while: the exchange then
   * is as on any day, and follows the same products throughout.
   */
  readonly isTimely: boolean
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
  /** Whether the source has said that it waits no longer for a product: then trades may be late. */
  readonly hasGivenUp: boolean
}

const listed = ['SOL-USD', 'XRP-USD', 'ADA-USD', 'LTC-EUR', 'LTC-USD']
/** Each start follows LTC in the other currency. */
const productsOf = (starts: number) => [
  'SOL-USD',
  'XRP-USD',
  'ADA-USD',
  starts % 2 === 0 ? 'LTC-EUR' : 'LTC-USD',
]
/** Three minutes, of which two are closed at the end. */
const faultyMs = 150_000
/** With all instances away for a while in between. */
const absentMs = 200_000
const limitMs = 600_000
const tables = [ticksTable, candlesTable]
/** What the source says then. */
const catchUpEnded = 'can not be caught up with'
const lookMs = 2_000
const startMs = 60_000

const rates: FaultRates = {
  ...noFaults,
  kill: 2,
  freeze: 1,
  cut: 3,
  stall: 2,
  'lose-answers': 2,
  'kill-broker': 1,
  'clock-jump': 1,
  'instance-power-loss': 1,
  'disk-loss': 0,
  'disk-full': 0,
  deploy: 0,
}
/** Of those, what befalls neither the connections to the exchange nor the absence. */
const timelyRates: FaultRates = { ...rates, kill: 0, cut: 0, stall: 0, 'lose-answers': 0 }
/** On top, where there are several brokers. */
const ofCluster = { 'kill-node': 2, 'hang-node': 1, 'move-leader': 4, 'move-coordinator': 3 }

/** Every second seed has all instances away for a while, and is held to the time of its trades. */
export function marketPlanOf(seed: number): MarketPlan {
  const random = seededRandom(seed)
  const isTimely = seed % 2 === 0
  const instances = 1 + Math.floor(random() * 3)
  const brokers = seed % 3 === 0 ? 3 : 1
  const durationMs = isTimely ? absentMs : faultyMs
  const ratesOfAll = { ...(isTimely ? timelyRates : rates), ...(brokers > 1 && ofCluster) }
  const faults = planFaults(random, durationMs, ratesOfAll).filter(isFirstJump)
  return {
    seed,
    ...{ instances, brokers, durationMs, isTimely },
    restLagMs: isTimely ? 2_000 : 15_000,
    faults: isTimely ? [...faults, ...absence(random, instances)] : faults,
    exchangeFaults: isTimely ? planDailyFaults(random, durationMs) : planExchangeFaults(random, durationMs),
  }
}

/** Two of them may set a clock by more than the hour within which the source takes a trade's time for a true one. */
function isFirstJump({ kind }: Fault, i: number, all: readonly Fault[]): boolean {
  return kind !== 'clock-jump' || all.findIndex((each) => each.kind === kind) === i
}

/** All instances die at once, and come back after 20 s or more, when a minute of what they missed is about to be closed. */
function absence(random: () => number, instances: number): readonly Fault[] {
  const endMs = 120_000 + Math.floor(random() * 12_000)
  const forMs = 20_000 + Math.floor(random() * 85_000)
  const atMs = endMs - forMs
  return Array.from({ length: instances }, () => ({ atMs, kind: 'kill', pick: 0, forMs }))
}

/**
 * The whole pipeline of the market on virtual time: exchange, source, Kafka, candles and tables, through a plan of faults
 * of each of them. When the faults are over it must hold every trade once: see `whatIsBroken`.
 */
export async function simulateMarket(plan: MarketPlan): Promise<MarketOutcome> {
  const { seed, instances, brokers, durationMs, restLagMs, isTimely } = plan
  const world = new World(seed)
  const exchange = new SimulatedExchange(world, { products: listed, tradesForMs: durationMs, restLagMs })
  let starts = 0
  // Whoever was not followed for a while is late when he is again; and several instances agree on whom they follow.
  const followed = () => productsOf(isTimely || instances > 1 ? 0 : starts)
  let products = followed()
  let hasGivenUp = false
  const deployment = new Deployment(world, {
    topology: (machine) => {
      products = followed()
      starts++
      const at = exchange.seenFrom(machine)
      return market(
        'crypto',
        'coinbase',
        coinbaseTrades({ ...at, products, tape: { topic: stockTicks, positionOf } }),
      )
    },
    instances,
    brokers,
    environment: {},
    clickhouse: { tokensMax: 100, faults: { lost: 0.01, unanswered: 0.02, failing: 0.02 } },
    logger: warningsTo((line) => {
      hasGivenUp ||= line.includes(catchUpEnded)
    }),
  })
  await world.ended(deployment.startBroker(), startMs)
  const client = simulatedKafka(world, world.machine('client'), deployment.broker.addresses)
  await world.ended(client.admin.ensureTopics([stockTicks]), startMs)
  deployment.startInstances()
  const beganMs = world.time.nowMs
  for (const fault of plan.faults) world.time.at(beganMs + fault.atMs, () => deployment.strike(fault))
  for (const fault of plan.exchangeFaults) world.time.at(beganMs + fault.atMs, () => exchange.strike(fault))
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
      isTimely: isTimely && !hasGivenUp,
    })
    if (broken.some(isForGood)) break
  }
  const { messages, time } = world
  const written = [ticks, ...tables.map(({ name }) => deployment.clickhouse?.parts(name))]
  const trace = createHash('sha1').update(JSON.stringify([messages, time.elapsedMs, written]))
  const traceHash = trace.digest('hex').slice(0, 16)
  const virtualMs = Math.round(time.elapsedMs)
  return { broken, traceHash, messages, virtualMs, trades: ticks.length, hasGivenUp }
}

function warningsTo(write: (line: string) => void): Logger {
  return createLogger({ level: 'warn', readable: false, destination: { write } })
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
