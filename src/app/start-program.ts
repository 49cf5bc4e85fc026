import { aborted } from '../aborted.ts'
import { startBroker } from '../broker/index.ts'
import { openDataFolder } from '../data-folder.ts'
import { RivuletError } from '../errors.ts'
import { connectKafka } from '../kafka/kafka.ts'
import { type Running, run } from '../runtime/run.ts'
import type { Closers } from './closers.ts'
import { connectionsMaxOf } from './connections-max.ts'
import type { Connection, ConnectionsOf, Connectors } from './connector.ts'
import { Health, type HealthOptions } from './health.ts'
import { isLoopback } from './host-names.ts'
import { kafkaSecurity } from './kafka-security.ts'
import { createMetrics } from './metrics.ts'
import { PipelineHistory } from './pipeline-history.ts'
import { servePipelinePage } from './pipeline-page.ts'
import { type Opening, type Prepared, type ProgramOptions, topologyOf } from './program-options.ts'
import type { CommonConfig } from './program-settings.ts'
import { recordsApi } from './records-api.ts'
import { serve } from './serve.ts'
import type { Settings } from './setting.ts'
import { openTelemetry } from './telemetry/open-telemetry.ts'
import type { TerminalBlock } from './terminal/terminal-block.ts'
import { TerminalStatus } from './terminal/terminal-status.ts'
import { TopicRecords } from './topic-records.ts'
import { createWeb, type WebOptions } from './web.ts'

/** The part of the time for shutting down in which the topology writes what was read. */
const drainMsMax = 7_500
const startedMsMax = 10_000

/** What a program is started with. */
export interface Start<S extends Settings> extends Opening<S> {
  readonly closers: Closers
  /** What must be closed even where nothing else is. */
  readonly connections: Closers
  readonly stopped: AbortSignal
  /** Where it is shown how it goes; absent: nowhere. */
  readonly block?: TerminalBlock
}

/** A program that serves. */
export interface Served {
  /** With a slash at its end: `http://127.0.0.1:8502/`. */
  readonly url: string
  readonly running: Running
}

/** Opens one part after the other; resolves when it serves, with nothing where it was stopped before the topology ran. */
export async function startProgram<S extends Settings, C extends Connectors, P extends Prepared>(
  options: ProgramOptions<S, C, P>,
  start: Start<S>,
): Promise<Served | undefined> {
  const { config, chosen, closers, logger, clock, stopped } = start
  const data = openDataFolder(config.dataDir)
  closers.add('data folder', () => data.release())
  // Without a preparation of its own, `P` is all optional.
  const prepared = (await options.prepare?.({ config, chosen, clock, logger })) ?? ({} as P)
  closers.add('preparation', () => prepared.close?.())
  const { folder: ownFolder = options.name, prefix = '', labels = {} } = prepared
  const folder = (part: string) => data.folder(`${ownFolder}/${part}`)

  const brokers = config.kafkaBrokers ?? (await embeddedBroker(folder('broker'), start))
  let kafkaTrouble: string | undefined
  const kafka = connectKafka({
    brokers,
    clientId: options.name,
    clientRack: config.kafkaClientRack,
    clock,
    logger,
    ...kafkaSecurity(config, options),
    onTrouble: (reason) => {
      kafkaTrouble = reason
    },
  })
  closers.add('kafka', () => kafka.close())
  const connections = await openConnections(options, start, folder, prefix)

  if (stopped.aborted) return undefined
  const topology = topologyOf(options, { config, prepared })
  const topicPrefix = config.kafkaBrokers === undefined ? '' : prefix && `${prefix}-`
  const running = run(topology, {
    kafka,
    connections,
    clock,
    logger,
    stateDir: folder('state'),
    stopTimeoutMs: drainMsMax,
    topicPrefix,
    ...toldOfKafka(config),
  })
  closers.add('topology', () => running.stop())
  // Whoever awaits it later is told; until then a failure is no unhandled rejection.
  running.done.catch(() => {})

  const { problemsIn, ...seen } = observed(
    { clock, running, connections, kafkaTrouble: () => kafkaTrouble },
    config,
    closers,
  )
  const { host, port, accessToken, allowedHosts, showRecords = isLoopback(host) } = config
  const pipeline = () => {
    const status = running.status()
    return { ...labels, ...status, problems: problemsIn(status) }
  }
  const web = createWeb({ labels, pipeline, ...seen, accessToken, clock, logger })
  const context = { config, chosen, clock, logger, prepared, topology, running, connections }
  options.routes?.(web, context)
  recordsApi(web, showRecords ? new TopicRecords({ kafka, topology, topicPrefix, clock }) : undefined)
  servePipelinePage(web, { topology, identity: labels.identity ?? '' })
  const server = await serve(web, { host, port, clock, ...(allowedHosts && { allowedHosts }) })
  // Both at once: a client that is slow to go takes nothing of the time to write.
  closers.add('server', () => Promise.all([server.close(), running.stop()]))
  if (start.block) {
    const ownLines = () => options.terminalLines?.(context) ?? {}
    const shown = { block: start.block, url: server.url, running, problemsIn, ownLines, clock }
    const terminalStatus = new TerminalStatus(shown)
    closers.add('status block', () => terminalStatus.close())
  }
  if (!isLoopback(host) && accessToken === undefined)
    logger.warn(
      `${server.url} can be reached from other machines, and asks nobody who they are; ACCESS_TOKEN would`,
    )

  // Tables and topics are made by then, unless a server is away: it serves all the same, and says so.
  await Promise.race([running.started, running.done, clock.sleep(startedMsMax), aborted(stopped)])
  return { url: server.url, running }
}

/** How a run is a member of its groups, and how it writes. */
function toldOfKafka(config: CommonConfig) {
  return {
    groupInstanceId: config.kafkaGroupInstanceId,
    applicationServer: config.applicationServer,
    standbys: config.kafkaStandbys,
    sessionTimeoutMs: config.kafkaSessionTimeoutMs,
    rebalanceTimeoutMs: config.kafkaRebalanceTimeoutMs,
    transactionTimeoutMs: config.kafkaTransactionTimeoutMs,
    compression: config.kafkaCompression,
    ...(config.kafkaInternalCompression && { internalCompression: config.kafkaInternalCompression }),
  }
}

/** What is told of a program that runs. */
function observed(
  options: HealthOptions & { readonly running: Running },
  config: Pick<CommonConfig, 'openTelemetry'>,
  closers: Closers,
): Pick<WebOptions, 'history' | 'ready' | 'waitsFor' | 'metrics' | 'answered'> & Pick<Health, 'problemsIn'> {
  const { clock, running } = options
  const health = new Health(options)
  closers.add('health', () => health.close())
  const past = new PipelineHistory({ clock, status: () => running.status() })
  closers.add('history', () => past.close())
  const ready = () => health.check()
  const metrics = createMetrics({ running, ready })
  const telemetry = config.openTelemetry ? openTelemetry({ running, ready, clock }) : undefined
  closers.add('OpenTelemetry', () => telemetry?.close())
  return {
    history: (sinceMs) => past.since(sinceMs),
    ready,
    problemsIn: (status) => health.problemsIn(status),
    waitsFor: () => running.ready().why,
    metrics: metrics.text,
    answered: (request) => {
      metrics.answered(request)
      telemetry?.answered(request)
    },
  }
}

async function openConnections<S extends Settings, C extends Connectors, P extends Prepared>(
  { connectors }: ProgramOptions<S, C, P>,
  { config, clock, logger, closers, connections: atOnce }: Start<S>,
  folder: (part: string) => string,
  prefix: string,
): Promise<ConnectionsOf<C>> {
  const opened: Record<string, Connection> = {}
  for (const [name, connector] of Object.entries(connectors ?? {})) {
    const connection = await connector.open({ config, folder, prefix, clock, logger })
    closers.add(name, () => connection.close())
    atOnce.add(name, () => connection.close())
    opened[name] = connection
  }
  // Each under the name of its connector.
  return opened as ConnectionsOf<C>
}

async function embeddedBroker(
  dataDir: string,
  { config: { kafkaListen }, closers, logger, clock }: Start<Settings>,
): Promise<readonly string[]> {
  const options = { dataDir, clock, logger, connectionsMax: connectionsMaxOf() }
  const broker = await startBroker({ ...options, ...kafkaListen }).catch((error) => {
    throw kafkaListen ? ofListening(error) : error
  })
  closers.add('broker', () => broker.close())
  if (kafkaListen && !isLoopback(kafkaListen.host))
    logger.warn(`Kafka at ${broker.brokers} can be reached from other machines, and asks nobody who they are`)
  return broker.brokers
}

/** With the setting that it is about. */
function ofListening(error: unknown): unknown {
  if (!(error instanceof RivuletError && (error.code === 'PORT_IN_USE' || error.code === 'BAD_CONFIG')))
    return error
  return new RivuletError(error.code, error.message, { cause: error, place: { parameter: 'kafkaListen' } })
}
