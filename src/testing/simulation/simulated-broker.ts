import type { Services } from '../../broker/api/api.ts'
import { type ServedNode, serveNode } from '../../broker/broker.ts'
import { type BrokerNode, openNode } from '../../broker/node.ts'
import { type BrokerLimits, brokerConfig } from '../../broker/options.ts'
import type { NodeAddress } from '../../broker/placement.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Machine } from './machine.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { SimulatedPlacement } from './simulated-placement.ts'
import type { World } from './world.ts'

const brokerHost = 'broker'
const brokerPort = 9_092

export interface SimulatedBrokerOptions extends Partial<BrokerLimits> {
  /** How many nodes clients see. Default 1. */
  readonly nodes?: number
}

/** One of several nodes, and the machine on which it runs at present. */
interface Front extends NodeAddress {
  machine: Machine
}

/**
 * The embedded broker on a machine and a disk of the simulation: it can be killed, and lose its power. With several nodes,
 * clients come to these, which share what is on that disk, as replicas that are in sync do; each can be killed apart.
 */
export class SimulatedBroker {
  /** Of the first node. */
  readonly address: string
  readonly addresses: readonly string[]
  readonly disk = new SimulatedDisk()
  readonly #world: World
  readonly #limits: Partial<BrokerLimits>
  readonly #logger: Logger
  readonly #fronts: readonly Front[]
  #placement: SimulatedPlacement
  #machine: Machine
  #node: BrokerNode | undefined
  #served: ServedNode | undefined
  #starts = 0

  constructor(world: World, options: SimulatedBrokerOptions = {}, logger: Logger = silentLogger) {
    const { nodes = 1, ...limits } = options
    this.#world = world
    this.#limits = limits
    this.#logger = logger
    this.#machine = world.machine(brokerHost)
    const count = nodes === 1 ? 0 : nodes
    this.#fronts = Array.from({ length: count }, (_, i) => {
      const host = `${brokerHost}-${i + 1}`
      return { nodeId: i + 1, host, port: brokerPort, machine: world.machine(host) }
    })
    this.#placement = this.#newPlacement()
    const hosts = nodes === 1 ? [brokerHost] : this.#fronts.map(({ host }) => host)
    this.addresses = hosts.map((host) => `${host}:${brokerPort}`)
    this.address = this.addresses[0] as string
  }

  get machine(): Machine {
    return this.#machine
  }

  get isUp(): boolean {
    return this.#starts > 0 && !this.#machine.isDead
  }

  /** What its requests work on; undefined: it is not up. */
  get services(): Services | undefined {
    return this.#machine.isDead ? undefined : this.#node?.services
  }

  /** Rejects with what the broker says of what lies on its disk. */
  async start(limits: Partial<BrokerLimits> = {}): Promise<void> {
    if (this.#starts++ > 0) this.#machine = this.#world.machine(`${brokerHost}-start-${this.#starts}`)
    const machine = this.#machine
    const config = brokerConfig({
      ...this.#limits,
      ...limits,
      host: brokerHost,
      port: brokerPort,
      clock: machine.clock,
      logger: this.#logger,
    })
    this.#served = undefined
    this.#node = undefined
    this.#placement = this.#newPlacement()
    if (this.#fronts.length === 0) this.#listen(`${brokerHost}:${brokerPort}`, machine)
    for (const front of this.#fronts) this.#startFront(front)
    this.#node = await openNode(this.disk.openedBy(machine), config)
    this.#served = serveNode(this.#node, config)
  }

  kill(): void {
    this.#machine.kill()
    for (const { machine } of this.#fronts) machine.kill()
  }

  /** Its medium is slow for so long. */
  slowDown(forMs: number): void {
    this.disk.isSlow = true
    this.#world.time.after(forMs, () => {
      this.disk.isSlow = false
    })
  }

  losePower(): void {
    this.kill()
    this.disk.losePower(this.#world.random)
  }

  /** One of several nodes dies, and comes back; one at least stays. */
  killNode(pick: number, forMs: number): void {
    const front = this.#pickFront(pick)
    if (!front) return
    const placement = this.#placement
    front.machine.kill()
    placement.down(front.nodeId)
    this.#world.time.after(forMs, () => {
      // All of them may have gone down, and come back, meanwhile.
      if (!this.isUp || !front.machine.isDead) return
      this.#startFront(front)
      placement.up(front.nodeId)
    })
  }

  /** One of several nodes stands still, which only its silence tells; one at least goes on. */
  hangNode(pick: number, forMs: number): void {
    const front = this.#pickFront(pick)
    if (!front) return
    const [placement, { machine }] = [this.#placement, front]
    machine.freeze()
    placement.down(front.nodeId)
    this.#world.time.after(forMs, () => {
      if (machine.isDead) return
      placement.up(front.nodeId)
      machine.thaw()
    })
  }

  /** Another node leads one of the partitions, or coordinates some of the groups or transactions, from now on. */
  move(what: 'leader' | 'coordinator', pick: number): void {
    if (this.isUp) this.#placement.move(what, pick)
  }

  /** As an administrator does it. */
  addPartitions(topic: string, count: number): void {
    this.services?.topics.grow(topic, count, false)
  }

  /** One of the partitions loses a part of its records, the newest ones, but all that refers to them remains. */
  async loseEnd(pick: number): Promise<void> {
    if (!this.isUp || !this.#node) return
    const logs = [...this.#node.services.topics.logs()].filter(({ endOffset }) => endOffset > 0)
    const log = logs[Math.floor(pick * logs.length)]
    const segment = log?.segments.at(-1)
    if (!log || !segment) return
    const toOffset =
      segment.baseOffset + Math.floor(this.#world.random() * (log.endOffset - segment.baseOffset))
    segment.file.truncate(segment.positionOf(toOffset))
    const folder = this.disk.openedBy(this.#machine)
    // They would tell that it was there.
    for (const name of folder.files()) if (name.startsWith('recovery-points')) folder.remove(name)
    this.kill()
    await this.start({ fsync: 'never' })
  }

  /** Undefined: it is the last one that works. */
  #pickFront(pick: number): Front | undefined {
    const working = this.#fronts.filter(({ machine }) => !machine.isDead && !machine.isFrozen)
    return working.length < 2 ? undefined : working[Math.floor(pick * working.length)]
  }

  #newPlacement(): SimulatedPlacement {
    return new SimulatedPlacement(this.#world.time, this.#world.random, this.#fronts)
  }

  #startFront(front: Front): void {
    if (front.machine.isDead) front.machine = this.#world.machine(front.host)
    this.#listen(`${front.host}:${front.port}`, front.machine, front.nodeId)
  }

  /** A connection that comes while the broker still opens its logs is refused. */
  #listen(address: string, machine: Machine, nodeId?: number): void {
    this.#world.listen(address, machine, (duplex) => {
      const placement = nodeId === undefined ? undefined : this.#placement.seenBy(nodeId)
      if (this.#served) void this.#served.serve(duplex, 'simulated', placement)
      else duplex.destroy(new Error('the broker is starting'))
    })
  }
}
