import { RivuletError } from '../errors.ts'
import type { ExternalSinkNode } from '../stream/graph.ts'
import type { SinkWriter } from '../stream/sink.ts'
import type { Topology } from '../stream/topology.ts'
import type { InstanceContext } from './instance-context.ts'
import { SinkStanding } from './sink-standing.ts'

type Writer = SinkWriter<unknown, unknown>

/** Throws `BAD_CONFIG` where a sink needs a connection that the environment does not have. */
export function checkConnections({ nodes }: Topology, connections: Readonly<Record<string, unknown>>): void {
  for (const node of nodes) {
    if (node.type !== 'external-sink' || node.sink.connection in connections) continue
    const message = `"${node.name}" needs the connection "${node.sink.connection}", which the environment does not have`
    throw new RivuletError('BAD_CONFIG', message, { place: { step: node.name } })
  }
}

/**
 * The writers into external systems, opened in the order of their declaration: the first one tells whether the system
 * is there at all. Opening may take until it is back: the sink's tasks wait for it, the others go on.
 */
export class SinkWriters {
  readonly #context: InstanceContext
  readonly #opening = new Map<ExternalSinkNode, Promise<Writer>>()
  readonly #open = new Map<ExternalSinkNode, Writer>()
  readonly #standings = new Map<ExternalSinkNode, SinkStanding>()
  #closed = false

  constructor(context: InstanceContext) {
    this.#context = context
  }

  open(): void {
    const { layout, settings, logger, over, failed } = this.#context
    const { clock } = settings
    let before: Promise<unknown> = Promise.resolve()
    for (const { subTopology } of layout.subTopologies) {
      if (subTopology.kind !== 'sink') continue
      const node = subTopology.sink
      const standing = this.standingOf(node)
      const tried = (reason: string | undefined) => standing.tried(reason)
      const context = { clock, logger, signal: over, tried }
      const opening = before.then(() => node.sink.open(settings.connections[node.sink.connection], context))
      this.#opening.set(node, opening)
      opening.then((writer) => this.#opened(node, writer)).catch(failed)
      before = opening
    }
  }

  /** By the sinks' steps, in the order of their declaration. */
  get standings(): ReadonlyMap<ExternalSinkNode, SinkStanding> {
    return this.#standings
  }

  standingOf(node: ExternalSinkNode): SinkStanding {
    const standing = this.#standings.get(node) ?? new SinkStanding(this.#context.settings.clock)
    this.#standings.set(node, standing)
    return standing
  }

  /** Resolves when it is open. */
  async of(node: ExternalSinkNode): Promise<Writer> {
    const opening = this.#opening.get(node)
    if (!opening) throw new RivuletError('INTERNAL', `the sink of "${node.name}" is not opened by anybody`)
    return opening
  }

  /** Whoever asks for it from now on gets it when the check has passed it. */
  async pass(node: ExternalSinkNode, check: (writer: Writer) => Promise<void>): Promise<void> {
    const passed = this.of(node).then(async (writer) => {
      await check(writer)
      return writer
    })
    this.#opening.set(node, passed)
    await passed
  }

  /** The first one that is not open yet. */
  get waiting(): ExternalSinkNode | undefined {
    return [...this.#opening.keys()].find((node) => !this.#open.has(node))
  }

  /** Closes those that are open now, and the others when they are. */
  async close(): Promise<void> {
    this.#closed = true
    const writers = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(writers.map((writer) => writer.close()))
  }

  async #opened(node: ExternalSinkNode, writer: Writer): Promise<void> {
    if (this.#closed) await writer.close()
    else {
      this.standingOf(node).opened()
      this.#open.set(node, writer)
    }
  }
}
