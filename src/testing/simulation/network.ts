import { Duplex } from 'node:stream'
import type { Machine } from './machine.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How the network treats what is sent. Each is asked for each piece of data, or each connection. */
export interface NetworkFaults {
  /** How long a piece is on its way. Pieces of one connection and direction keep their order; others may overtake it. */
  delayMs(): number
}

/** What a peer listens with: it gets its end of each new connection. */
export type Accept = (duplex: Duplex) => void

/** Told of each piece just before it is sent: what befalls the connection now befalls the piece, too. */
export type Told = (connection: Connection, from: Side, bytes: Buffer) => void

/** Connections between machines: in order within each, delayed, cut, or stalled. */
export class Network {
  readonly #time: VirtualTime
  readonly #faults: NetworkFaults
  readonly #told: Told
  readonly #connections = new Set<Connection>()

  constructor(time: VirtualTime, faults: NetworkFaults, told: Told) {
    this.#time = time
    this.#faults = faults
    this.#told = told
  }

  /** The client's end; `opened` is called there once the server has accepted. */
  connect(client: Machine, server: Machine, accept: Accept, opened: () => void): Duplex {
    const connection = new Connection({
      ends: [client, server],
      time: this.#time,
      faults: this.#faults,
      told: this.#told,
      closed: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    this.#time.after(this.#faults.delayMs(), () => {
      if (server.isDead) connection.cut('connection refused')
      server.do(() => {
        accept(connection.end(1))
        this.#time.after(this.#faults.delayMs(), () => client.do(opened))
      })
    })
    return connection.end(0)
  }

  /** Connections of a machine that are open, oldest first. */
  of(machine: Machine): Connection[] {
    return [...this.#connections].filter(({ machines }) => machines.includes(machine))
  }
}

interface ConnectionOptions {
  readonly ends: readonly [client: Machine, server: Machine]
  readonly time: VirtualTime
  readonly faults: NetworkFaults
  readonly told: Told
  readonly closed: () => void
}

/** 0: the client's; 1: the server's. */
export type Side = 0 | 1

/** One connection, in both directions. */
export class Connection {
  readonly machines: readonly [client: Machine, server: Machine]
  readonly #options: ConnectionOptions
  readonly #ends: readonly [Duplex, Duplex]
  /** When the last piece from each side arrives: the next one comes behind it. */
  readonly #arrivesMs: [number, number] = [0, 0]
  readonly #lost: [boolean, boolean] = [false, false]
  #isCut = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.machines = options.ends
    this.#ends = [this.#makeEnd(0), this.#makeEnd(1)]
    // Whoever has an end may not listen to it yet, or not any more.
    for (const end of this.#ends) end.on('error', () => {})
    // The kernel of a machine whose process dies says so to the other side.
    for (const machine of options.ends) machine.onDeath(() => this.cut('the peer has died'))
  }

  end(side: Side): Duplex {
    return this.#ends[side]
  }

  /** Both sides are told, each after what was sent to it before. */
  cut(why = 'connection reset'): void {
    if (this.#isCut) return
    this.#isCut = true
    this.#options.closed()
    for (const side of [0, 1] as const) {
      this.#arrive(side === 0 ? 1 : 0, () => this.#ends[side].destroy(new Error(why)))
    }
  }

  /** What this side sends from now on comes so much later, also if the sender has long given up on it. */
  stall(from: Side, forMs: number): void {
    this.#arrivesMs[from] = Math.max(this.#arrivesMs[from], this.#options.time.nowMs + forMs)
  }

  /** Whatever this side sends from now on never comes: neither side is told. */
  lose(from: Side): void {
    this.#lost[from] = true
  }

  #makeEnd(side: Side): Duplex {
    const other = side === 0 ? 1 : 0
    return Object.assign(
      new Duplex({
        read() {},
        write: (bytes: Buffer, _encoding, taken) => {
          this.#send(side, Buffer.from(bytes))
          taken()
        },
        // What was written at once goes as one piece.
        writev: (pieces: readonly { readonly chunk: Buffer }[], taken) => {
          this.#send(side, Buffer.concat(pieces.map(({ chunk }) => chunk)))
          taken()
        },
        final: (taken) => {
          this.#arrive(side, () => this.#ends[other].push(null))
          taken()
        },
        destroy: (error, done) => {
          this.cut()
          done(error)
        },
      }),
      // What kafkajs asks of a socket.
      { setKeepAlive() {}, setNoDelay() {}, ref() {}, unref() {} },
    )
  }

  #send(from: Side, bytes: Buffer): void {
    if (this.machines[from].isDead || this.#isCut) return
    this.#options.told(this, from, bytes)
    if (this.#lost[from]) return
    const receiver = this.#ends[from === 0 ? 1 : 0]
    this.#arrive(from, () => {
      if (!receiver.destroyed) receiver.push(bytes)
    })
  }

  /** Does it at the other side, when a piece that is sent now has come there. */
  #arrive(from: Side, work: () => void): void {
    const { time, faults } = this.#options
    this.#arrivesMs[from] = Math.max(this.#arrivesMs[from], time.nowMs + faults.delayMs())
    const receiver = this.machines[from === 0 ? 1 : 0]
    time.at(this.#arrivesMs[from], () => receiver.do(work))
  }
}
