import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Transform, type TransformCallback } from 'node:stream'

/** What a line that is not perfect does to what is sent on it. */
export interface Quality {
  /** Each way. */
  readonly delayMs: number
  /** Share of packets that are lost. */
  readonly loss: number
}

const perfect: Quality = { delayMs: 0, loss: 0 }
/** Of the data in a packet, where nobody says otherwise. */
const packetBytes = 1_448
/** TCP sends again what was not acknowledged after that, and more than a round trip; what follows waits for it. */
const retransmissionMs = 200

/** A long line to a node of the cluster: whoever is on this machine reaches it over its port. */
export class Line {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #quality = perfect

  private constructor(toPort: number) {
    this.#server = createServer((near) => this.#carry(near, toPort))
  }

  static async to(port: number): Promise<Line> {
    const line = new Line(port)
    await new Promise<void>((resolve) => line.#server.listen(0, '127.0.0.1', resolve))
    return line
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Of what is sent from now on. */
  set quality(quality: Quality) {
    this.#quality = quality
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #carry(near: Socket, toPort: number): void {
    const far = connect(toPort, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(new Delay((bytes) => this.#delayMs(bytes))).pipe(other)
    }
  }

  #delayMs(bytes: number): number {
    const { delayMs, loss } = this.#quality
    const isLost = loss > 0 && Math.random() > (1 - loss) ** Math.ceil(bytes / packetBytes)
    return isLost ? 3 * delayMs + retransmissionMs : delayMs
  }
}

/** Keeps what is sent for a while, and its order. */
class Delay extends Transform {
  readonly #delayMs: (bytes: number) => number
  readonly #held: { readonly chunk: Buffer; readonly dueMs: number }[] = []
  #end: TransformCallback | undefined

  constructor(delayMs: (bytes: number) => number) {
    super()
    this.#delayMs = delayMs
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    const nowMs = performance.now()
    const dueMs = Math.max(nowMs + this.#delayMs(chunk.length), this.#held.at(-1)?.dueMs ?? 0)
    if (dueMs <= nowMs && this.#held.length === 0) this.push(chunk)
    else {
      this.#held.push({ chunk, dueMs })
      if (this.#held.length === 1) this.#wait()
    }
    done()
  }

  override _flush(done: TransformCallback): void {
    if (this.#held.length === 0) done()
    else this.#end = done
  }

  #wait(): void {
    const first = this.#held[0]
    if (first) setTimeout(() => this.#release(), Math.max(0, first.dueMs - performance.now()))
    else this.#end?.()
  }

  #release(): void {
    const nowMs = performance.now()
    for (let held = this.#held[0]; held && held.dueMs <= nowMs; held = this.#held[0]) {
      this.#held.shift()
      if (!this.destroyed) this.push(held.chunk)
    }
    this.#wait()
  }
}
