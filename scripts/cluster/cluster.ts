import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetchJars, kafkaVersion } from '../../test/support/jars.ts'
import { end, jvmFlags, type KafkaServer, startServer } from '../../test/support/real-kafka.ts'
import { run } from '../../test/support/run-command.ts'
import { Line, type Quality } from './line.ts'

const clusterId = 'UmVhbEthZmthUmVhbEthZg'
const settledMsMax = 120_000
export const nodeIds = [1, 2, 3] as const
export type NodeId = (typeof nodeIds)[number]

interface Node {
  readonly properties: string
  server: KafkaServer
}

/**
 * Three nodes of Apache Kafka on this machine, each a broker and a controller, and Kafka's own tools for them. Clients, and
 * what copies records from one node to another, come over lines that can be made worse.
 */
export class Cluster {
  readonly brokers: string
  readonly #dir: string
  readonly #jarsDir: string
  readonly #toolsDir: string
  readonly #nodes = new Map<NodeId, Node>()
  readonly #lines: readonly Line[]

  private constructor(dir: string, jarsDir: string, toolsDir: string, lines: readonly Line[]) {
    this.#dir = dir
    this.#jarsDir = jarsDir
    this.#toolsDir = toolsDir
    this.#lines = lines
    this.brokers = lines.map(({ port }) => `127.0.0.1:${port}`).join(',')
  }

  static async start(): Promise<Cluster | { readonly unavailable: string }> {
    const server = await fetchJars(`rivulet-kafka/${kafkaVersion}`, [
      ['org.apache.kafka', 'kafka_2.13', kafkaVersion],
    ])
    if ('unavailable' in server) return server
    const tools = await fetchJars(`rivulet-kafka/tools-${kafkaVersion}`, [
      ['org.apache.kafka', 'kafka-tools', kafkaVersion],
    ])
    if ('unavailable' in tools) return tools
    const dir = await mkdtemp(join(tmpdir(), 'rivulet-cluster-'))
    const ports = await freePorts(2 * nodeIds.length)
    const [own, controllers] = [ports.slice(0, nodeIds.length), ports.slice(nodeIds.length)]
    const cluster = new Cluster(dir, server.jarsDir, tools.jarsDir, await Promise.all(own.map(Line.to)))
    await Promise.all(nodeIds.map((id, i) => cluster.#create(id, own[i] as number, controllers)))
    return cluster
  }

  /** SIGKILL, or SIGTERM and its orderly end. */
  async stop(id: NodeId, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await end(this.#node(id).server.child, signal)
  }

  /** On the same data and ports. */
  async start(id: NodeId): Promise<void> {
    const node = this.#node(id)
    node.server = await startServer(this.#jarsDir, node.properties)
  }

  hang(id: NodeId, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#node(id).server.child.kill(signal)
  }

  /** Of the lines to all nodes. */
  set quality(quality: Quality) {
    for (const line of this.#lines) line.quality = quality
  }

  /** What one of Kafka's command-line tools says. */
  async tool(name: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run(
      'java',
      [
        ...jvmFlags,
        ...['-cp', join(this.#toolsDir, '*'), `org.apache.kafka.tools.${name}`],
        ...['--bootstrap-server', this.brokers, ...args],
      ],
      { timeout: 60_000 },
    )
    return stdout
  }

  /** Gives the partitions of a topic replicas on these nodes, the one that is to lead first; resolves when they do. */
  async reassign(topic: string, replicasOf: (partition: number) => readonly NodeId[]): Promise<void> {
    const described = await this.tool('TopicCommand', '--describe', '--topic', topic)
    const partitions = [...described.matchAll(/\tPartition: (\d+)/g)].map(([, partition]) => {
      return { topic, partition: Number(partition), replicas: replicasOf(Number(partition)) }
    })
    const plan = join(this.#dir, 'reassignment.json')
    await writeFile(plan, JSON.stringify({ version: 1, partitions }))
    await this.tool('reassign.ReassignPartitionsCommand', '--execute', '--reassignment-json-file', plan)
    await this.tool('LeaderElectionCommand', '--election-type', 'preferred', '--all-topic-partitions')
  }

  /** Resolves when each partition has all of its replicas in sync again. */
  async settled(): Promise<void> {
    const untilMs = performance.now() + settledMsMax
    for (let left = 'unknown'; left !== ''; ) {
      if (performance.now() > untilMs) throw new Error(`replicas are out of sync:\n${left}`)
      left = await this.tool('TopicCommand', '--describe', '--under-replicated-partitions').then(
        (said) => said.trim(),
        String,
      )
    }
  }

  /** Kills what runs: an orderly end waits for a quorum that is not there any more. */
  async close(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map(({ server }) => end(server.child, 'SIGKILL')))
    await Promise.all(this.#lines.map((line) => line.close()))
    await rm(this.#dir, { recursive: true, force: true })
  }

  #node(id: NodeId): Node {
    return this.#nodes.get(id) as Node
  }

  async #create(id: NodeId, port: number, controllers: readonly number[]): Promise<void> {
    const properties = join(this.#dir, `${id}.properties`)
    const all = { ...settings, ...this.#own(id, port, controllers) }
    await writeFile(
      properties,
      Object.entries(all)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties]
    await run('java', [...jvmFlags, '-cp', join(this.#jarsDir, '*'), ...format])
    this.#nodes.set(id, { properties, server: await startServer(this.#jarsDir, properties) })
  }

  #own(id: NodeId, port: number, controllers: readonly number[]): Readonly<Record<string, string | number>> {
    return {
      'node.id': id,
      listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllers[id - 1]}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${this.#lines[id - 1]?.port}`,
      'controller.quorum.voters': controllers.map((each, i) => `${i + 1}@127.0.0.1:${each}`).join(','),
      'log.dirs': join(this.#dir, `log-${id}`),
    }
  }
}

/**
 * As a cluster in production has them, but for sessions of 3 s instead of 9 s, and for what nodes ask each other: by default
 * they wait 30 s for one that hangs (`request.timeout.ms`), such as for the markers that end a transaction, and no client can
 * go on before.
 */
const settings = {
  'process.roles': 'broker,controller',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'inter.broker.listener.name': 'PLAINTEXT',
  'controller.listener.names': 'CONTROLLER',
  'default.replication.factor': 3,
  'min.insync.replicas': 2,
  'offsets.topic.replication.factor': 3,
  'offsets.topic.num.partitions': 6,
  'transaction.state.log.replication.factor': 3,
  'transaction.state.log.min.isr': 2,
  'transaction.state.log.num.partitions': 6,
  'auto.create.topics.enable': false,
  'group.initial.rebalance.delay.ms': 0,
  'broker.session.timeout.ms': 3_000,
  'broker.heartbeat.interval.ms': 500,
  'request.timeout.ms': 3_000,
  'controller.socket.timeout.ms': 3_000,
  'controller.quorum.election.timeout.ms': 1_000,
  'log.cleaner.dedupe.buffer.size': 8_388_608,
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
