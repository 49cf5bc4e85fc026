import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

export interface RealKafka {
  /** `host:port`; the same after a restart, so that clients find it again by themselves. */
  readonly brokers: string[]
  /** `host:port` of each listener that was asked for, by its name. */
  readonly listeners: Readonly<Record<string, string>>
  /** Ends it cleanly and removes its data: for the end of a test file. */
  stop(): Promise<void>
  /** SIGKILL; the data stays for `restart`. */
  kill(): Promise<void>
  /** Starts it again on the same data and port; a running one is stopped cleanly first. */
  restart(): Promise<void>
}

export interface RealKafkaOptions {
  /** Beside the plain one: the security protocol of each, by its name (in capitals). */
  readonly listeners?: Readonly<Record<string, 'SSL' | 'SASL_SSL' | 'SASL_PLAINTEXT'>>
  /** Further settings of the server, or others than it has here. */
  readonly properties?: Readonly<Record<string, string>>
  /** Users of SCRAM, as Kafka's tool takes them: `SCRAM-SHA-256=[name=…,password=…]`. */
  readonly scramUsers?: readonly string[]
}

const run = promisify(execFile)
const kafkaVersion = '4.4.0'
const jarsDir = join(homedir(), '.cache', 'rivulet-kafka', kafkaVersion)
const startTimeoutMs = 45_000
const clusterId = 'UmVhbEthZmthUmVhbEthZg'
const jvmFlags = [
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
  const missing = await firstMissing(['java', 'mvn'])
  if (missing) return { unavailable: `${missing} is not installed` }
  try {
    await fetchJars()
  } catch (error) {
    return { unavailable: `Maven could not fetch Apache Kafka ${kafkaVersion}: ${firstLine(error)}` }
  }
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
  await run('java', [
    ...jvmFlags,
    ...['-cp', join(jarsDir, '*'), 'kafka.tools.StorageTool', 'format', '--standalone'],
    ...['-t', clusterId, '-c', properties],
    ...(options.scramUsers ?? []).flatMap((user) => ['--add-scram', user]),
  ])

  let server = await startServer(properties)
  // The controller's comes first, then those of the listeners, in their order.
  const ports = server.ports.slice(-names.length)
  await writeFile(properties, propertiesOf(dir, ports, options))
  return {
    brokers: [`127.0.0.1:${ports[0]}`],
    listeners: Object.fromEntries(names.map((name, i) => [name, `127.0.0.1:${ports[i]}`])),
    async stop() {
      await end(server.child, 'SIGTERM')
      await rm(dir, { recursive: true, force: true })
    },
    kill: () => end(server.child, 'SIGKILL'),
    async restart() {
      await end(server.child, 'SIGTERM')
      server = await startServer(properties)
    },
  }
}

async function firstMissing(commands: readonly string[]): Promise<string | undefined> {
  for (const command of commands) {
    try {
      await run(command, ['-version'])
    } catch {
      return command
    }
  }
  return undefined
}

/** Several test workers may come here at once: each fetches into a folder of its own, the first rename wins. */
async function fetchJars(): Promise<void> {
  if (await hasJars()) return
  await mkdir(join(jarsDir, '..'), { recursive: true })
  const dir = await mkdtemp(join(jarsDir, '..', 'fetching-'))
  try {
    await writeFile(join(dir, 'pom.xml'), pom)
    const jars = join(dir, 'jars')
    const maven = ['-q', '-B', '-f', join(dir, 'pom.xml'), 'dependency:copy-dependencies']
    await run('mvn', [...maven, `-DoutputDirectory=${jars}`], { timeout: 180_000 })
    await rename(jars, jarsDir).catch(async (error) => {
      if (!(await hasJars())) throw error
    })
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function hasJars(): Promise<boolean> {
  const files = await readdir(jarsDir).catch(() => [])
  return files.some((file) => file.endsWith('.jar'))
}

const dependency = (group: string, artifact: string, version: string) =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rivulet</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', kafkaVersion)}
    ${dependency('org.slf4j', 'slf4j-simple', '1.7.36')}
  </dependencies>
</project>
`

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

interface Server {
  readonly child: ChildProcess
  /** Of all that it listens on, in the order of its log. */
  readonly ports: readonly number[]
}

function startServer(properties: string): Promise<Server> {
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

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  const impatient = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await ended
  clearTimeout(impatient)
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? ''
}
