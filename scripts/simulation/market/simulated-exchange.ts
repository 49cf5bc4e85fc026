import { request } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from 'rivulet'
import { type ExchangeServer, exchangeServer } from '../../../pipelines/market/exchange-server/exchange.ts'
import type { Market } from '../../../pipelines/market/exchange-server/market.ts'
import { simulatedMarket } from '../../../pipelines/market/exchange-server/simulated-market.ts'
import { silentLogger } from '../../../src/logger.ts'
import type { Machine } from '../../../src/testing/simulation/machine.ts'
import type { World } from '../../../src/testing/simulation/world.ts'
import type { ExchangeFault, ExchangeFaultKind } from './exchange-faults.ts'
import { faultyExchange } from './faulty-exchange.ts'

const address = 'exchange:80'

export interface SimulatedExchangeOptions {
  readonly products: readonly string[]
  /** After so long no trade happens any more. */
  readonly tradesForMs: number
  /** How far some of the nodes behind its REST API are behind, while they are. */
  readonly restLagMs: number
}

/** The local exchange on a machine of the simulation: real frames and requests over a simulated network. */
export class SimulatedExchange {
  readonly market: Market
  readonly wsUrl = `ws://${address}`
  readonly restUrl = `http://${address}`
  readonly #world: World
  readonly #machine: Machine
  readonly #server: ExchangeServer
  readonly #wrong = new Map<ExchangeFaultKind, number>()

  constructor(world: World, { products, tradesForMs, restLagMs: lagMs }: SimulatedExchangeOptions) {
    this.#world = world
    this.#machine = world.machine('exchange')
    const { clock } = this.#machine
    const endMs = clock.now() + tradesForMs
    const ending: Clock = { ...clock, now: () => Math.min(clock.now(), endMs) }
    this.market = simulatedMarket({ seed: world.seed, clock: ending, products })
    const faults = faultyExchange({ market: this.market, clock, lagMs, is: (kind) => this.#is(kind) })
    this.#server = exchangeServer({ market: this.market, clock: ending, logger: silentLogger, faults })
    world.listen(address, this.#machine, (duplex) => this.#server.server.emit('connection', duplex))
  }

  /** What a source on this machine is to be given to be connected to it. */
  seenFrom(machine: Machine) {
    const world = this.#world
    return {
      wsUrl: this.wsUrl,
      restUrl: this.restUrl,
      webSocketOptions: {
        // A duplex in the place of a TCP socket: `ws` asks for no more.
        createConnection: () => world.connect(machine, address, () => {}) as Socket,
        // Else no two runs would be the same.
        generateMask: (mask: Buffer) => void mask.fill(0),
      },
      fetch: fetchFrom(world, machine),
    }
  }

  strike({ kind, forMs }: ExchangeFault): void {
    const { network, time } = this.#world
    switch (kind) {
      case 'connections-cut':
        this.#server.dropClients()
        break
      case 'frames-stalled':
        for (const connection of network.of(this.#machine)) connection.stall(1, forMs)
        break
      case 'silence':
        for (const connection of network.of(this.#machine)) connection.lose(1)
        break
      default:
        this.#wrong.set(kind, (this.#wrong.get(kind) ?? 0) + 1)
        time.after(forMs, () => this.#wrong.set(kind, (this.#wrong.get(kind) ?? 1) - 1))
    }
  }

  #is(kind: ExchangeFaultKind): boolean {
    return (this.#wrong.get(kind) ?? 0) > 0
  }
}

/** `fetch` as far as the source uses it. */
function fetchFrom(world: World, machine: Machine): typeof fetch {
  return (url, { signal, headers } = {}) =>
    new Promise((resolve, reject) => {
      const asked = request(String(url), {
        headers: Object.fromEntries(new Headers(headers)),
        createConnection: () => world.connect(machine, address, () => {}),
      })
      const failed = (cause: unknown) => reject(new TypeError('fetch failed', { cause }))
      asked.on('error', failed)
      asked.on('response', (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', failed)
        response.on('end', () => {
          const headers = new Headers(response.headers as Record<string, string>)
          resolve(new Response(Buffer.concat(parts), { status: response.statusCode ?? 200, headers }))
        })
      })
      signal?.addEventListener('abort', () => {
        reject(signal.reason)
        asked.destroy()
      })
      asked.end()
    })
}
