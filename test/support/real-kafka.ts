import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fetchJars, kafkaVersion } from './jars.ts'
import { run } from './run-command.ts'

export interface RealKafka {
  /** `host:port` of each node; the same after a restart, so that clients find it again by themselves. */
  readonly brokers: string[]
  /** `host:port` of each listener that was asked for, by its name. */
  readonly listeners: Readonly<Record<string, string>>
  /** Ends it cleanly and removes its data: for the end of a test file. */
  stop(): Promise<void>
  /** SIGKILL; the data stays for `restart`. */
  kill(): Promise<void>
  /** SIGKILL to one of the further nodes. */
  killNode(broker: string): Promise<void>
  /** Starts it again on the same data and port; a running one is stopped cleanly first. */
  restart(): Promise<void>
}

export interface RealKafkaOptions {
  /** Beside the plain one: the security protocol of each, by its name (in capitals). */
  readonly listeners?: Readonly<Record<string, 'SSL' | 'SASL_SSL' | 'SASL_PLAINTEXT'>>
  /** Further settings of the server, or others than it has here. */
  readonly properties?: Readonly<Record<string, string>>
  /** Of further nodes, one for each: the rack that it is in. They are brokers only, and not restarted. */
  readonly racks?: readonly string[]
  /** Users of SCRAM, as Kafka's tool takes them: `SCRAM-SHA-256=[name=…,password=…]`. */
  readonly scramUsers?: readonly string[]
}

const startTimeoutMs = 45_000
const clusterId = 'UmVhbEthZmthUmVhbEthZg'
export const jvmFlags = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.network.DataPlaneAcceptor=info',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
]

/**
 * Starts a real Apache Kafka (one node, KRaft) from its Maven artifacts, without Docker. The jars are fetched once
 * into `~/.cache/rivulet-kafka`. Where Java or Maven is missing, or the jars can't be had, it says why instead.
 */
export async function startRealKafka(
  options: RealKafkaOptions = {},
): Promise<RealKafka | { readonly unavailable: string }> {
  const fetched = await fetchJars(`rivulet-kafka/${kafkaVersion}`, [
    ['org.apache.kafka', 'kafka_2.13', kafkaVersion],
  ])
  if ('unavailable' in fetched) return fetched
  const { jarsDir } = fetched
  const dir = await mkdtemp(join(tmpdir(), 'rivulet-kafka-'))
  const properties = join(dir, 'server.properties')
  const names = ['PLAINTEXT', ...Object.keys(options.listeners ?? {})]
  await writeFile(
    properties,
    propertiesOf(
      dir,
      names.map(() => 0),
      options,
    ),
  )
  const users = (options.scramUsers ?? []).flatMap((user) => ['--add-scram', user])
  await format(jarsDir, properties, ['--standalone', ...users])

  let server = await startServer(jarsDir, properties)
  const further = await Promise.all(
    (options.racks ?? []).map((rack, i) =>
      startFurther(jarsDir, dir, options, { nodeId: i + 2, rack, controllerPort: server.ports[0] as number }),
    ),
  )
  // The controller's comes first, then those of the listeners, in their order.
  const ports = server.ports.slice(-names.length)
  await writeFile(properties, propertiesOf(dir, ports, options))
  return {
    brokers: [`127.0.0.1:${ports[0]}`, ...further.map(({ broker }) => broker)],
    listeners: Object.fromEntries(names.map((name, i) => [name, `127.0.0.1:${ports[i]}`])),
    async stop() {
      await Promise.all(further.map(({ child }) => end(child, 'SIGKILL')))
      await end(server.child, 'SIGTERM')
      await rm(dir, { recursive: true, force: true })
    },
    kill: () => end(server.child, 'SIGKILL'),
    async killNode(wanted) {
      for (const { broker, child } of further) if (broker === wanted) await end(child, 'SIGKILL')
    },
    async restart() {
      await end(server.child, 'SIGTERM')
      server = await startServer(jarsDir, properties)
    },
  }
}

function format(jarsDir: string, properties: string, options: readonly string[] = []) {
  const tool = ['-cp', join(jarsDir, '*'), 'kafka.tools.StorageTool', 'format', ...options]
  return run('java', [...jvmFlags, ...tool, '-t', clusterId, '-c', properties])
}

/** A broker beside the first node, which is the controller. */
async function startFurther(
  jarsDir: string,
  dir: string,
  options: RealKafkaOptions,
  { nodeId, rack, controllerPort }: { nodeId: number; rack: string; controllerPort: number },
) {
  const file = join(dir, `server-${nodeId}.properties`)
  const properties = {
    ...options.properties,
    'process.roles': 'broker',
    'node.id': String(nodeId),
    'broker.rack': rack,
    listeners: 'PLAINTEXT://127.0.0.1:0',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'log.dirs': join(dir, `log-${nodeId}`),
  }
  await writeFile(file, propertiesOf(dir, [0], { properties }))
  await format(jarsDir, file)
  const { child, ports } = await startServer(jarsDir, file)
  return { child, broker: `127.0.0.1:${ports[0]}` }
}

function propertiesOf(
  dir: string,
  ports: readonly number[],
  { listeners = {}, properties }: RealKafkaOptions,
): string {
  const protocols = { PLAINTEXT: 'PLAINTEXT', ...listeners }
  const addresses = Object.keys(protocols).map((name, i) => `${name}://127.0.0.1:${ports[i]}`)
  const all = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    listeners: [...addresses, 'CONTROLLER://127.0.0.1:0'].join(','),
    'listener.security.protocol.map': Object.entries({ ...protocols, CONTROLLER: 'PLAINTEXT' })
      .map((entry) => entry.join(':'))
      .join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': '127.0.0.1:0',
    'log.dirs': join(dir, 'log'),
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.num.partitions': 1,
    'auto.create.topics.enable': false,
    'group.initial.rebalance.delay.ms': 0,
    'broker.session.timeout.ms': 2_000,
    'broker.heartbeat.interval.ms': 300,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500,
    'log.cleaner.dedupe.buffer.size': 8_388_608,
    'log.cleaner.backoff.ms': 500,
    'log.retention.check.interval.ms': 1_000,
    'log.initial.task.delay.ms': 500,
    ...properties,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

export interface KafkaServer {
  readonly child: ChildProcess
  /** Of all that it listens on, in the order of its log. */
  readonly ports: readonly number[]
}

/** With the properties of that file; resolves when it is up. */
export function startServer(jarsDir: string, properties: string): Promise<KafkaServer> {
  const child = spawn('java', [...jvmFlags, '-cp', join(jarsDir, '*'), 'kafka.Kafka', properties], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // A test run that ends early must not leave a broker behind.
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  child.once('exit', () => process.off('exit', killWithUs))
  const lines: string[] = []
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      child.kill('SIGKILL')
      reject(new Error(`Apache Kafka ${why}:\n${lines.slice(-20).join('\n')}`))
    }
    const timer = setTimeout(() => fail(`did not start within ${startTimeoutMs} ms`), startTimeoutMs)
    const ports: number[] = []
    const read = (line: string) => {
      if (lines.push(line) > 200) lines.shift()
      const bound = /Awaiting socket connections on \S*?:(\d+)/.exec(line)
      if (bound) ports.push(Number(bound[1]))
      if (!line.includes('Kafka Server started')) return
      clearTimeout(timer)
      resolve({ child, ports })
    }
    createInterface(child.stdout).on('line', read)
    createInterface(child.stderr).on('line', read)
    child.once('error', (error) => fail(`could not be run: ${error.message}`))
    child.once('exit', (code) => {
      clearTimeout(timer)
      fail(`ended with code ${code} while starting`)
    })
  })
}

/** Resolves when the process is gone. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  const impatient = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await ended
  clearTimeout(impatient)
}
