import type { TopicToEnsure } from '../../kafka/types.ts'
import type { Logger } from '../../logger.ts'
import type { Environment } from '../../runtime/environment.ts'
import { type Running, run } from '../../runtime/run.ts'
import type { Topology } from '../../stream/topology.ts'
import { CommittedView } from './committed-view.ts'
import type { OutputOrder } from './comparison.ts'
import type { Fault } from './faults.ts'
import type { Machine } from './machine.ts'
import type { Connection } from './network.ts'
import { inputsOf } from './plan.ts'
import { SimulatedBroker } from './simulated-broker.ts'
import { SimulatedClickHouse, type SimulatedClickHouseOptions } from './simulated-clickhouse.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import type { SimulatedFeed } from './simulated-feed.ts'
import { simulatedKafka } from './simulated-kafka.ts'
import type { World } from './world.ts'

/** Often enough that logs are compacted within a simulation. */
const maintenanceIntervalMs = 1_000
/** How long an instance lives that nobody could stop. */
const zombieMsMax = 15_000

/** What runs in a simulation. */
export interface DeploymentOptions {
  /** What the instances run. */
  readonly topology: Topology
  /** What those run that a `deploy` starts; absent: the same. */
  readonly nextVersion?: Topology
  /** Topics with settings of their own; the others are made as they are declared. */
  readonly topics?: readonly TopicToEnsure[]
  /** How many run at the same time. */
  readonly instances: number
  /** How many nodes their Kafka has. Default 1. */
  readonly brokers?: number
  /** As `run` is given it; Kafka, clock, log and disks are the simulation's. */
  readonly environment: Omit<Environment, 'kafka' | 'clock' | 'logger' | 'stateDir'>
  /** How long they wait for an answer of Kafka. Default: as programs do, 15 s. */
  readonly requestTimeoutMs?: number | undefined
  /** The instances' connection `clickhouse`; absent: they have those of the environment. */
  readonly clickhouse?: SimulatedClickHouseOptions
  /** Told by all of them. */
  readonly logger: Logger
  /** How their outputs are held to those of the test driver. Default `in-order`. */
  readonly outputs?: OutputOrder
}

/** Where sources are on the network, each instance runs a topology of its machine's. */
export type DeployedOptions = Omit<DeploymentOptions, 'topology'> & {
  readonly topology: Topology | ((machine: Machine) => Topology)
  /** What their source listens to. */
  readonly feed?: SimulatedFeed | undefined
}

/** It is done with most requests within this. */
const brokerAnswersMs = 12

interface Instance {
  readonly machine: Machine
  readonly disk: SimulatedDisk
  readonly running: Running
}

/** Instances of one topology and their broker, in a world, with the faults that they are put to. */
export class Deployment {
  readonly broker: SimulatedBroker
  readonly clickhouse: SimulatedClickHouse | undefined
  /** What an instance or the broker could not go on with, which is for an operator to mend. */
  readonly failures: unknown[] = []
  readonly #world: World
  readonly #options: DeployedOptions
  readonly #instances = new Set<Instance>()
  /** Of instances that have died: the next ones start with them, as on the same machines. */
  readonly #disks: SimulatedDisk[] = []
  #topology: DeployedOptions['topology']
  #made = 0

  constructor(world: World, options: DeployedOptions) {
    this.#world = world
    this.#options = options
    this.#topology = options.topology
    // What was acknowledged must last: else a loss of power is allowed to lose it.
    const { logger, brokers: nodes = 1 } = options
    const limits = {
      fsync: 'always',
      maintenanceIntervalMs,
      nodes,
    } as const
    this.broker = new SimulatedBroker(world, limits, logger)
    this.clickhouse = options.clickhouse && new SimulatedClickHouse(world, options.clickhouse)
  }

  async startBroker(): Promise<void> {
    await this.broker.start().catch((error) => this.failures.push(error))
  }

  startInstances(): void {
    while (this.#instances.size < this.#options.instances) this.#startInstance()
  }

  get machines(): readonly Machine[] {
    return [...this.#instances].map(({ machine }) => machine)
  }

  /** What readers of committed records see; undefined: nobody can read just now. */
  get committed(): CommittedView | undefined {
    const { services } = this.broker
    return services && new CommittedView(services)
  }

  /** Records that an instance has fetched and not processed: of the one that has most. */
  get bufferedRecordsMax(): number {
    let most = 0
    for (const { running } of this.#instances) most = Math.max(most, running.bufferedRecords())
    return most
  }

  /** Lets a fault happen now, or at the request that it waits for; what it takes to recover is set going, too. */
  strike(fault: Fault): void {
    const { pick, atRequest } = fault
    if (atRequest === undefined && this.#strikeOthers(fault)) return
    const instance = picked([...this.#instances], pick)
    if (!instance) return
    const { machine } = instance
    const { network } = this.#world
    if (atRequest === undefined)
      this.#befall(instance, fault, picked(network.of(machine), (pick * 7_919) % 1))
    else
      this.#world.onRequest(machine, atRequest, (connection) =>
        this.#strikeRequest(instance, fault, connection),
      )
  }

  /** Before the request is on its way, or as soon as it is; the broker, while it is at it. */
  #strikeRequest(instance: Instance, fault: Fault, connection: Connection): void {
    const { time } = this.#world
    const moment = (fault.pick * 104_729) % 1
    if (fault.kind === 'kill-broker' || fault.kind === 'power-loss')
      time.after(moment * brokerAnswersMs, () => this.#strikeOthers(fault))
    else if (moment < 0.5) this.#befall(instance, fault, connection)
    else time.after(0, () => this.#befall(instance, fault, connection))
  }

  #befall(instance: Instance, { kind, forMs }: Fault, connection: Connection | undefined): void {
    const { machine, disk } = instance
    const { time, random } = this.#world
    switch (kind) {
      case 'kill':
        this.#kill(instance, forMs, disk)
        break
      case 'instance-power-loss':
        this.#kill(instance, forMs, disk)
        disk.losePower(random)
        break
      case 'disk-loss':
        this.#kill(instance, forMs, new SimulatedDisk())
        break
      case 'disk-full':
        disk.bytesMax = disk.sizeBytes
        time.after(forMs, () => {
          disk.bytesMax = Number.POSITIVE_INFINITY
        })
        break
      case 'freeze':
        machine.freeze()
        time.after(forMs, () => machine.thaw())
        break
      case 'cut':
        connection?.cut()
        break
      case 'stall':
        connection?.stall(0, forMs)
        break
      case 'lose-answers':
        connection?.lose(1)
        break
      case 'clock-jump':
        machine.jumpClock(forMs)
    }
  }

  /** Another one starts later, with that disk. */
  #kill(instance: Instance, forMs: number, disk: SimulatedDisk): void {
    if (!this.#instances.delete(instance)) return
    instance.machine.kill()
    this.#disks.push(disk)
    this.#world.time.after(forMs, () => this.startInstances())
  }

  #deploy(everyMs: number): void {
    this.#topology = this.#options.nextVersion ?? this.#topology
    for (const [i, instance] of [...this.#instances].entries())
      this.#world.time.after(i * everyMs, () => this.#replace(instance))
  }

  #replace(instance: Instance): void {
    if (!this.#instances.delete(instance)) return
    const { machine, disk, running } = instance
    if (machine.isFrozen) {
      this.#world.time.after(zombieMsMax, () => machine.kill())
      this.startInstances()
      return
    }
    const stopped = () => {
      machine.kill()
      this.#disks.push(disk)
      this.startInstances()
    }
    running.stop().then(stopped, stopped)
  }

  /** Nothing is frozen or dead any more, and every call is answered. */
  recover(): void {
    this.clickhouse?.recover()
    for (const { machine } of this.#instances) machine.thaw()
    this.startInstances()
  }

  /** False: it is a fault of an instance. */
  #strikeOthers({ kind, pick, forMs }: Fault): boolean {
    const { broker } = this
    const startLater = () => this.#world.time.after(forMs, () => void this.startBroker())
    switch (kind) {
      case 'kill-broker':
        if (broker.isUp) startLater()
        broker.kill()
        return true
      case 'power-loss':
        if (broker.isUp) startLater()
        broker.losePower()
        return true
      case 'lose-end':
        broker.loseEnd(pick).catch((error) => this.failures.push(error))
        return true
      case 'add-partitions':
        this.#addPartitions(pick)
        return true
      case 'break-feed':
        this.#options.feed?.break(pick, forMs)
        return true
      case 'kill-node':
        broker.killNode(pick, forMs)
        return true
      case 'hang-node':
        broker.hangNode(pick, forMs)
        return true
      case 'move-leader':
        broker.move('leader', pick)
        return true
      case 'move-coordinator':
        broker.move('coordinator', pick)
        return true
      case 'deploy':
        this.#deploy(forMs)
        return true
      case 'slow-network':
        this.#world.slowDown(forMs)
        return true
      case 'slow-disk':
        broker.slowDown(forMs)
        return true
      default:
        return false
    }
  }

  #addPartitions(pick: number): void {
    const { topology } = this.#options
    const inputs = typeof topology === 'function' ? [] : [...inputsOf(topology).keys()]
    const topic = picked(inputs, pick)
    const { services } = this.broker
    const partitions = topic === undefined ? undefined : services?.topics.get(topic)?.partitions
    if (topic !== undefined && partitions) this.broker.addPartitions(topic, partitions.length + 1)
  }

  #startInstance(): void {
    const { environment, logger, requestTimeoutMs } = this.#options
    const topology = this.#topology
    const machine = this.#world.machine(`instance-${++this.#made}`)
    const disk = this.#disks.shift() ?? new SimulatedDisk()
    const kafka = simulatedKafka(this.#world, machine, this.broker.addresses, { logger, requestTimeoutMs })
    const running = run(typeof topology === 'function' ? topology(machine) : topology, {
      ...environment,
      ...(this.clickhouse && { connections: { clickhouse: this.clickhouse.connect(machine) } }),
      kafka,
      clock: machine.clock,
      logger,
      stateDir: disk.openedBy(machine),
    })
    const instance = { machine, disk, running }
    this.#instances.add(instance)
    running.done.catch((error) => {
      // Stopped while an answer is missing, a source says that something is not in Kafka: from its feed it comes again.
      const isStopped = !this.#instances.has(instance)
      if (machine.isDead || (isStopped && this.#options.feed)) return
      this.failures.push(error)
      this.#instances.delete(instance)
    })
  }
}

function picked<T>(all: readonly T[], pick: number): T | undefined {
  return all[Math.floor(pick * all.length)]
}
