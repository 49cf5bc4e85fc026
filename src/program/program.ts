import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { OpenCandle } from '../api/candles.ts'
import { marketApi, type Readiness } from '../api/market-api.ts'
import { serve } from '../api/serve.ts'
import type { PageName } from '../api/static-files.ts'
import { startBroker } from '../broker/index.ts'
import { type ClickHouse, connectClickHouse } from '../clickhouse/connection.ts'
import { marketQueries } from '../clickhouse/market-queries.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type Config, type ProgramDescription, readConfig } from '../config.ts'
import { messageOf, RivuletError } from '../errors.ts'
import { connectKafka } from '../kafka/kafka.ts'
import { createLogger, type Logger } from '../logger.ts'
import { type Running, run, type StopOutcome } from '../runtime/run.ts'
import type { Topology } from '../stream/topology.ts'
import { Closers } from './closers.ts'
import { openDataFolder } from './data-folder.ts'
import { type ExchangeFeed, liveFeed, openMarket } from './market.ts'
import { metricsOf } from './metrics.ts'

export interface ProgramOptions extends ProgramDescription {
  readonly page: PageName
  topology(setting: { readonly config: Config; readonly feed: ExchangeFeed }): Topology
  /** What the API asks: names of tables and topic as the topology has them, and its open windows. */
  readonly serves: {
    readonly ticks: string
    readonly candles: string
    readonly topic: string
    openCandles(running: Running): readonly OpenCandle[]
  }
}

/** A program of `pipelines/`: a topology with an API and a page, started from a shell. */
export interface Program {
  /** The topology as it is with the default configuration: to look at, not to run. */
  describe(): Topology
  /** Runs it if `moduleUrl` is the file that Node was started with; else nothing happens. */
  main(moduleUrl: string): Promise<void>
}

/** Shutting down may take so long before the process ends all the same. */
const exitMsMax = 9_000
/** What must end at once may still take so long for the query that the embedded engine is at. */
const atOnceMsMax = 800
/** The part of it in which the topology writes what was read. */
const drainMsMax = 7_500
const startedMsMax = 10_000
const pingMsMax = 2_000

export function program(options: ProgramOptions): Program {
  return {
    describe() {
      const config = readConfig(options, [], {})
      if ('help' in config) throw new RivuletError('INTERNAL', 'no arguments ask for no help')
      return options.topology({ config, feed: liveFeed(config) })
    },
    async main(moduleUrl) {
      const started = process.argv[1]
      if (started !== undefined && realpathSync(started) === fileURLToPath(moduleUrl))
        await runFromShell(options)
    },
  }
}

async function runFromShell(options: ProgramOptions): Promise<void> {
  const config = configOrExit(options)
  const logger = createLogger({ level: config.LOG_LEVEL })
  const closers = new Closers(logger)
  const engine = new Closers(logger)
  const stopped = new AbortController()
  let isCutOff = false
  // A process that ends in the middle of a query of the embedded engine crashes, whatever its exit code was to be.
  const exitAtOnce = async (code: number) => {
    isCutOff = true
    await Promise.race([engine.closeAll(), systemClock.sleep(atOnceMsMax)])
    process.exit(code)
  }
  // What does not end by itself is ended, a start that hangs too: an operator waits at most 10 s.
  const endInTime = () =>
    setTimeout(() => {
      logger.error(`not everything has ended within ${exitMsMax} ms`)
      void exitAtOnce(1)
    }, exitMsMax).unref()
  stopped.signal.addEventListener('abort', endInTime)
  onSignals(logger, stopped, exitAtOnce)
  let failure: unknown
  let running: Running | undefined
  try {
    running = await start(options, config, { closers, engine, logger, clock: systemClock }, stopped.signal)
    await Promise.race([running?.done, aborted(stopped.signal)])
  } catch (error) {
    failure = error
    logger.fatal({ error: factsOf(error) }, messageOf(error))
    endInTime()
  }
  await closers.closeAll()
  const outcome = await running?.stop().catch(() => undefined)
  if (!isCutOff) process.exit(exitCodeOf(failure, outcome, logger))
}

/** A stack only where the fault is in somebody's code: what is wrong outside has none to look at. */
function factsOf(error: unknown): unknown {
  if (!(error instanceof RivuletError)) return error
  const { code, place, cause } = error
  const isBug = code === 'CALLBACK_FAILED' || code === 'INTERNAL'
  return { code, ...place, ...(isBug && cause instanceof Error && { stack: cause.stack }) }
}

/** Says how it ended, where that was not said yet. */
function exitCodeOf(failure: unknown, outcome: StopOutcome | undefined, logger: Logger): number {
  if (failure !== undefined) return failure instanceof RivuletError && failure.code === 'BAD_CONFIG' ? 2 : 1
  if (outcome === 'cut-off') {
    logger.error('stopped, but Kafka did not take everything in time: the next start fetches it again')
    return 1
  }
  if (outcome === 'sinks-behind')
    logger.warn('stopped; Kafka has everything that was read, and the next start writes it to ClickHouse')
  else logger.info('stopped; everything that was read is written')
  return 0
}

function configOrExit(options: ProgramOptions): Config {
  try {
    const config = readConfig(options, process.argv.slice(2), process.env)
    if (!('help' in config)) return config
    process.stdout.write(config.help)
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exit(2)
  }
}

/** The first signal drains, the second one ends at once. */
function onSignals(
  logger: Logger,
  stopped: AbortController,
  exitAtOnce: (code: number) => Promise<void>,
): void {
  const stop = (signal: string) => {
    if (stopped.signal.aborted) {
      void exitAtOnce(130)
      return
    }
    logger.info(`${signal}: stopping; what was read is written first (again: at once)`)
    stopped.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

interface Opening {
  readonly closers: Closers
  /** What must be closed even where nothing else is. */
  readonly engine: Closers
  readonly logger: Logger
  readonly clock: Clock
}

async function start(
  options: ProgramOptions,
  config: Config,
  { closers, engine, logger, clock }: Opening,
  stopped: AbortSignal,
): Promise<Running | undefined> {
  const data = openDataFolder(config.DATA_DIR)
  closers.add('data folder', () => data.release())
  const market = await openMarket(options, config, clock, logger)
  closers.add('exchange', () => market.close())
  const folder = (part: string) => data.folder(`${market.folder}/${part}`)
  const products = options.exchange ? { products: market.feed.products } : {}
  logger.info({ market: market.kind, ...products }, market.label)

  const brokers = config.KAFKA_BROKERS ?? (await embeddedBroker(folder('broker'), closers, logger, clock))
  let kafkaTrouble: string | undefined
  const kafka = connectKafka({
    brokers,
    clientId: options.name,
    clock,
    logger,
    ...kafkaSecurity(config),
    onTrouble: (reason) => {
      kafkaTrouble = reason
    },
  })
  closers.add('kafka', () => kafka.close())

  const { CLICKHOUSE_URL: url, CLICKHOUSE_USER: user, CLICKHOUSE_PASSWORD: password } = config
  const clickhouse = await connectClickHouse({
    ...(url === undefined
      ? { path: folder('clickhouse') }
      : { url, user, password, tablePrefix: market.prefix && `${market.prefix.replaceAll('-', '_')}_` }),
    clock,
    logger,
  })
  closers.add('clickhouse', () => clickhouse.close())
  if (url === undefined) engine.add('clickhouse', () => clickhouse.close())

  if (stopped.aborted) return undefined
  const running = run(options.topology({ config, feed: market.feed }), {
    kafka,
    connections: { clickhouse },
    clock,
    logger,
    stateDir: folder('state'),
    stopTimeoutMs: drainMsMax,
    topicPrefix: config.KAFKA_BROKERS === undefined ? '' : market.prefix && `${market.prefix}-`,
  })
  closers.add('topology', () => running.stop())
  // Whoever awaits it later is told; until then a failure is no unhandled rejection.
  running.done.catch(() => {})

  const { ticks, candles, topic, openCandles } = options.serves
  const status = () => ({ market: market.kind, ...running.status() })
  const app = marketApi({
    market: { kind: market.kind, label: market.label },
    queries: marketQueries({ clickhouse, ticks, candles, topic: running.topicName(topic) }),
    pipeline: status,
    openCandles: () => openCandles(running),
    clock,
    logger,
    page: options.page,
    ready: () => readiness(running, clickhouse, kafkaTrouble),
    metrics: metricsOf(status),
  })
  const server = await serve(app, { host: config.HOST, port: config.PORT, clock })
  // Both at once: a client that is slow to go takes nothing of the time to write.
  closers.add('server', () => Promise.all([server.close(), running.stop()]))
  if (!isLoopback(config.HOST))
    logger.warn(`${server.url} can be reached from other machines, and asks nobody who they are`)

  // Tables and topics are made by then, unless a server is away: the page is served all the same, and says so.
  await Promise.race([running.started, running.done, clock.sleep(startedMsMax), aborted(stopped)])
  if (stopped.aborted) return running
  process.stdout.write(`Ready: ${server.url}\n`)
  return running
}

/** Ready is who has started, and has Kafka and ClickHouse. */
async function readiness(
  running: Running,
  clickhouse: ClickHouse,
  kafkaTrouble: string | undefined,
): Promise<Readiness> {
  if (kafkaTrouble !== undefined) return { ready: false, why: kafkaTrouble }
  const state = running.ready()
  if (!state.ready) return state
  try {
    await clickhouse.ping({ timeoutMs: pingMsMax })
    return state
  } catch (error) {
    return { ready: false, why: messageOf(error) }
  }
}

async function embeddedBroker(
  dataDir: string,
  closers: Closers,
  logger: Logger,
  clock: Clock,
): Promise<readonly string[]> {
  const broker = await startBroker({ dataDir, clock, logger })
  closers.add('broker', () => broker.close())
  return broker.brokers
}

function kafkaSecurity({
  KAFKA_SSL: ssl,
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_USERNAME: username,
  KAFKA_PASSWORD: password,
}: Config) {
  if (mechanism === undefined || username === undefined || password === undefined) return { ssl }
  return { ssl, sasl: { mechanism, username, password } }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
