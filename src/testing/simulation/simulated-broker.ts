import type { Services } from '../../broker/api/api.ts'
import { type ServedNode, serveNode } from '../../broker/broker.ts'
import { openNode } from '../../broker/node.ts'
import { type BrokerLimits, brokerConfig } from '../../broker/options.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Machine } from './machine.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import type { World } from './world.ts'

const brokerHost = 'broker'
const brokerPort = 9_092

/** The embedded broker on a machine and a disk of the simulation: it can be killed, and lose its power. */
export class SimulatedBroker {
  readonly address = `${brokerHost}:${brokerPort}`
  readonly disk = new SimulatedDisk()
  readonly #world: World
  readonly #limits: Partial<BrokerLimits>
  readonly #logger: Logger
  #machine: Machine
  #services: Services | undefined
  #starts = 0

  constructor(world: World, limits: Partial<BrokerLimits> = {}, logger: Logger = silentLogger) {
    this.#world = world
    this.#limits = limits
    this.#logger = logger
    this.#machine = world.machine(brokerHost)
  }

  get machine(): Machine {
    return this.#machine
  }

  get isUp(): boolean {
    return this.#starts > 0 && !this.#machine.isDead
  }

  /** What its requests work on; undefined: it is not up. */
  get services(): Services | undefined {
    return this.#machine.isDead ? undefined : this.#services
  }

  /** Rejects with what the broker says of what lies on its disk. */
  async start(): Promise<void> {
    if (this.#starts++ > 0) this.#machine = this.#world.machine(`${brokerHost}-${this.#starts}`)
    const machine = this.#machine
    const config = brokerConfig({
      ...this.#limits,
      host: brokerHost,
      port: brokerPort,
      clock: machine.clock,
      logger: this.#logger,
    })
    let served: ServedNode | undefined
    // A connection that comes while it still opens its logs is refused.
    this.#world.listen(this.address, machine, (duplex) => {
      if (served) void served.serve(duplex, 'simulated')
      else duplex.destroy(new Error('the broker is starting'))
    })
    this.#services = undefined
    const node = await openNode(this.disk.openedBy(machine), config)
    this.#services = node.services
    served = serveNode(node, config)
  }

  kill(): void {
    this.#machine.kill()
  }

  losePower(): void {
    this.kill()
    this.disk.losePower(this.#world.random)
  }
}
