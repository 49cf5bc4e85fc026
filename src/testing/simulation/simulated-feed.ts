import type { Duplex } from 'node:stream'
import { interval } from 'rxjs'
import {
  connectFeed,
  type Feed,
  type FeedMessage,
  type FeedRequest,
  fromLines,
  keepAliveMs,
  toLine,
} from './feed.ts'
import type { Machine } from './machine.ts'
import type { World } from './world.ts'

const address = 'feed:1'

/** A feed on a machine of the simulation, which keeps what it has sent for those who ask from a number on. */
export class SimulatedFeed {
  readonly #world: World
  readonly #machine: Machine
  readonly #sent: FeedMessage[] = []
  readonly #listeners = new Set<Duplex>()
  #acknowledged = 0

  constructor(world: World) {
    this.#world = world
    this.#machine = world.machine('feed')
    world.listen(address, this.#machine, (connection) => this.#accept(connection))
  }

  /** As whoever runs on this machine has it. */
  seenFrom(machine: Machine): Feed {
    return connectFeed(machine, () => this.#world.connect(machine, address, () => {}))
  }

  send(value: unknown): void {
    const message = { number: this.#sent.length, value }
    this.#sent.push(message)
    for (const listener of this.#listeners) listener.write(toLine(message))
  }

  /** Its connections end, or what it sends on them comes late, or never. */
  break(pick: number, forMs: number): void {
    for (const connection of this.#world.network.of(this.#machine)) {
      if (pick < 1 / 3) connection.cut()
      else if (pick < 2 / 3) connection.stall(1, forMs)
      else connection.lose(1)
    }
  }

  #accept(connection: Duplex): void {
    const keepAlive = interval(keepAliveMs, this.#machine.clock.scheduler).subscribe(() =>
      connection.write(toLine(null)),
    )
    connection.on('data', (bytes: Buffer) => {
      for (const request of fromLines<FeedRequest>(bytes)) this.#answer(connection, request)
    })
    connection.on('close', () => {
      keepAlive.unsubscribe()
      this.#listeners.delete(connection)
    })
  }

  #answer(connection: Duplex, request: FeedRequest): void {
    if (request.type === 'acknowledge') {
      this.#acknowledged = Math.max(this.#acknowledged, request.before)
      return
    }
    for (const message of this.#sent.slice(request.from ?? this.#acknowledged))
      connection.write(toLine(message))
    this.#listeners.add(connection)
  }
}
