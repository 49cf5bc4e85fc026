import type { Kafka } from '../../src/kafka/types.ts'
import { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../src/testing/simulation/world.ts'

const startMsMax = 60_000

export interface SimulatedSite {
  readonly world: World
  readonly broker: SimulatedBroker
  /** For a client of its own, on a machine that nothing befalls. */
  readonly kafka: Kafka
}

/** A world without faults, a broker in it that runs, and a client. */
export async function simulatedSite(): Promise<SimulatedSite> {
  const world = new World(1)
  const broker = new SimulatedBroker(world)
  await world.ended(broker.start(), startMsMax)
  return { world, broker, kafka: simulatedKafka(world, world.machine('client'), [broker.address]) }
}
