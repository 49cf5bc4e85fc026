import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { RivuletError } from '../../errors.ts'
import { Machine } from './machine.ts'
import { type Accept, type Connection, Network, type NetworkFaults, type Side } from './network.ts'
import { seededRandom } from './seeded-random.ts'
import { VirtualTime } from './virtual-time.ts'

/** How long a piece of data is on its way at most, and while the network is slow. */
const delayMsMax = 3
const slowDelayMsMax = 200
/** Of a Kafka request: what it asks for stands behind its length. */
const apiKeyAt = 4

interface Watch {
  readonly machine: Machine
  readonly apiKey: number
  readonly strike: (connection: Connection) => void
}

/**
 * Everything that happens in one simulation, in one thread: machines, the network between them, and time, which passes only
 * when all that is under way has come to rest. Two worlds of one seed do the same things at the same times.
 */
export class World {
  readonly seed: number
  readonly time = new VirtualTime()
  readonly network: Network
  /** For what the world itself decides; each machine has dice of its own, so that one does not change the others'. */
  readonly random: () => number
  readonly #trace = createHash('sha1')
  readonly #listeners = new Map<string, { machine: Machine; accept: Accept }>()
  readonly #watches = new Set<Watch>()
  #look = () => {}
  #machines = 0
  #messages = 0
  #slowUntilMs = 0

  constructor(seed: number, faults: Partial<NetworkFaults> = {}) {
    this.seed = seed
    this.random = seededRandom(seed)
    const delays = seededRandom(seed ^ 0x5eed)
    this.network = new Network(
      this.time,
      { delayMs: () => delays() * this.#delayMsMax, ...faults },
      (from, to, bytes) => this.#tell(from, to, bytes),
    )
  }

  machine(name: string): Machine {
    return new Machine(name, this.time, seededRandom((this.seed * 7_919 + ++this.#machines) >>> 0))
  }

  /** Whoever connects to the address from now on comes to this machine. */
  listen(address: string, machine: Machine, accept: Accept): void {
    this.#listeners.set(address, { machine, accept })
  }

  connect(from: Machine, address: string, opened: () => void): Duplex {
    const listener = this.#listeners.get(address)
    if (!listener) throw new Error(`connect ECONNREFUSED ${address}`)
    return this.network.connect(from, listener.machine, listener.accept, opened)
  }

  /** Lets time pass until the condition holds. False: it did not in so much time. */
  async until(condition: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.time.nowMs + limitMs
    let holds: boolean | undefined
    const goOn = () => {
      this.#look()
      if (condition()) holds = true
      else if (this.time.nowMs >= endMs || !this.time.step()) holds = false
      return holds === undefined
    }
    while (holds === undefined) await inTurns(goOn)
    return holds
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.time.nowMs + ms
    let isOver = false
    this.time.at(endMs, () => {
      isOver = true
    })
    await this.until(() => isOver, ms + 1)
  }

  /** Lets time pass until the work has ended. */
  async ended<T>(work: Promise<T>, limitMs: number): Promise<T> {
    let isOver = false
    const over = () => {
      isOver = true
    }
    work.then(over, over)
    if (await this.until(() => isOver, limitMs)) return work
    throw new RivuletError('TIMED_OUT', `it had not ended after ${limitMs} ms of virtual time`)
  }

  /** Called whenever all that was under way has come to rest. */
  watch(look: () => void): void {
    this.#look = look
  }

  /** The network is slow for so long. */
  slowDown(forMs: number): void {
    this.#slowUntilMs = Math.max(this.#slowUntilMs, this.time.nowMs + forMs)
  }

  get #delayMsMax(): number {
    return this.time.nowMs < this.#slowUntilMs ? slowDelayMsMax : delayMsMax
  }

  /** Strikes when the machine sends its next request of this kind, just before it is on its way. */
  onRequest(machine: Machine, apiKey: number, strike: (connection: Connection) => void): void {
    this.#watches.add({ machine, apiKey, strike })
  }

  /** Of all that went over the network so far: equal for equal runs. */
  get traceHash(): string {
    return this.#trace.copy().digest('hex').slice(0, 16)
  }

  get messages(): number {
    return this.#messages
  }

  #tell(connection: Connection, from: Side, bytes: Buffer): void {
    this.#messages++
    const [client, server] = connection.machines
    const apiKey = from === 0 && bytes.length >= apiKeyAt + 2 ? bytes.readInt16BE(apiKeyAt) : undefined
    const who = from === 0 ? `${client.name}>${server.name}` : `${client.name}<${server.name}`
    this.#trace.update(`${this.time.elapsedMs} ${who} `).update(bytes)
    if (apiKey === undefined) return
    for (const watch of this.#watches) {
      if (watch.machine !== client || watch.apiKey !== apiKey) continue
      this.#watches.delete(watch)
      watch.strike(connection)
    }
  }
}

/** So many at once spare the event loop its rounds. */
const turnsAtOnce = 64

/**
 * Does it some times, or until it returns false. Nothing of a simulation waits for the real world, so between two of these
 * turns all promises have run out.
 */
function inTurns(goOn: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false
    const turn = () => {
      try {
        if (!isOver) isOver = !goOn()
      } catch (error) {
        isOver = true
        reject(error)
      }
    }
    for (let i = 0; i < turnsAtOnce; i++) setImmediate(turn)
    setImmediate(resolve)
  })
}
