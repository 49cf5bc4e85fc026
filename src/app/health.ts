import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { PipelineStatus } from '../runtime/pipeline-status.ts'
import type { Running } from '../runtime/run.ts'
import type { Connection } from './connector.ts'
import { type Problem, Problems } from './problems.ts'
import { lagsOf } from './reader-lags.ts'

/** A part of a program, and how it is. */
export interface Part {
  /** Without Kafka, its connections and a topology that has started, a program is not ready. */
  readonly kind: 'topology' | 'kafka' | 'connection' | 'source' | 'sink' | 'reader'
  /** Its own among those of its kind. */
  readonly name: string
  /** `ready`: all is well. Else `waiting`, `behind`, or what a source or a sink says of itself. */
  readonly state: string
  /** What it waits for, and where, in a sentence; null where all is well. */
  readonly reason: string | null
  /** Since when it is in that state, as far as that is known: ISO 8601 in UTC. */
  readonly since: string
}

/** What `/readyz` answers. */
export interface Readiness {
  /** Whether it does what it is for: else status 503. */
  readonly ready: boolean
  /** What it waits for, in a sentence. */
  readonly why?: string
  /** How each part is. */
  readonly parts?: readonly Part[]
}

export interface HealthOptions {
  readonly clock: Clock
  readonly running: Pick<Running, 'ready' | 'status'>
  /** By the names of their connectors. */
  readonly connections: Readonly<Record<string, Connection>>
  /** Why calls to Kafka fail; undefined: they do not. */
  readonly kafkaTrouble: () => string | undefined
}

const pingMsMax = 2_000
/** So that since when a part is as it is does not depend on who asks. */
const checkIntervalMs = 2_000
/** What a batch may wait, and be written, without anything being wrong. */
const patienceMs = 3_000

/** Why a connection does not answer; undefined: it does. */
type Pings = ReadonlyMap<string, string | undefined>

/** How the parts of a program are, looked at regularly; connections are asked once for all who want to know at the same time. */
export class Health {
  readonly #options: HealthOptions
  /** By part: in which state it was found, and when first. */
  readonly #found = new Map<string, { readonly state: string; readonly sinceMs: number }>()
  readonly #problems = new Problems()
  readonly #closed = new AbortController()
  #pinging: Promise<Pings> | undefined
  /** What they said last. */
  #pings: Pings = new Map()

  constructor(options: HealthOptions) {
    this.#options = options
    this.#watch().catch(() => {}) // closed
  }

  async check(): Promise<Readiness> {
    this.#pinging ??= this.#ping().finally(() => {
      this.#pinging = undefined
    })
    this.#pings = await this.#pinging
    const status = this.#options.running.status()
    const needed = this.#neededParts(status)
    const parts = [...needed, ...this.#shown(status)]
    const why = needed.find(({ reason }) => reason !== null)?.reason
    return why == null ? { ready: true, parts } : { ready: false, why, parts }
  }

  /** What is wrong at this moment; of connections, what they said last. */
  problemsIn(status: PipelineStatus): readonly Problem[] {
    const parts = [...this.#neededParts(status), ...this.#shown(status)]
    return this.#problems.look(parts, status, this.#options.clock.now())
  }

  close(): void {
    this.#closed.abort()
  }

  async #watch(): Promise<void> {
    for (;;) {
      await this.check()
      this.problemsIn(this.#options.running.status())
      await this.#options.clock.sleep(checkIntervalMs, this.#closed.signal)
    }
  }

  async #ping(): Promise<Pings> {
    const asked = Object.entries(this.#options.connections).map(
      async ([name, connection]) => [name, await reasonOf(connection)] as const,
    )
    return new Map(await Promise.all(asked))
  }

  /** What it is not ready without. */
  #neededParts({ topology }: PipelineStatus): readonly Part[] {
    const { running, kafkaTrouble } = this.#options
    return [
      this.#needed('kafka', 'kafka', kafkaTrouble()),
      this.#needed('topology', topology, running.ready().why),
      ...[...this.#pings].map(([name, reason]) => this.#needed('connection', name, reason)),
    ]
  }

  #needed(kind: Part['kind'], name: string, reason: string | undefined): Part {
    const state = reason === undefined ? 'ready' : 'waiting'
    return this.#part(kind, name, { state, reason, sinceMs: undefined })
  }

  /** What may be in trouble while the program answers all the same. */
  #shown({ sources, sinks, partitions }: PipelineStatus): readonly Part[] {
    const nowMs = this.#options.clock.now()
    return [
      ...sources.map(({ name, state, problem: reason }) =>
        this.#part('source', name, { state: state === 'live' ? 'ready' : state, reason, sinceMs: undefined }),
      ),
      ...sinks.map(({ name, state, since, problem: reason }) => {
        const sinceMs = Date.parse(since)
        if (state === 'writing' && nowMs - sinceMs >= patienceMs)
          return this.#part('sink', name, { state, reason: 'A write has not come to its end', sinceMs })
        const isWell = state === 'idle' || state === 'writing'
        return this.#part(
          'sink',
          name,
          isWell ? well : { state, reason: reason ?? 'It is not open yet', sinceMs },
        )
      }),
      ...lagsOf(partitions).map(({ reader, lag, lagMs, catchesUpInMs }) => {
        if (lagMs < patienceMs) return this.#part('reader', reader, well)
        const soon =
          catchesUpInMs === undefined
            ? ''
            : `; caught up in ${Math.ceil(catchesUpInMs / 1_000)} s as it goes now`
        const reason = `${lag} records are not processed, the first of them for ${Math.round(lagMs / 1_000)} s${soon}`
        return this.#part('reader', reader, { state: 'behind', reason, sinceMs: nowMs - lagMs })
      }),
    ]
  }

  #part(kind: Part['kind'], name: string, { state, reason, sinceMs }: Found): Part {
    const key = `${kind} ${name}`
    const before = this.#found.get(key)
    const found = before?.state === state ? before : { state, sinceMs: this.#options.clock.now() }
    this.#found.set(key, found)
    const since = new Date(sinceMs ?? found.sinceMs).toISOString()
    return { kind, name, state, reason: reason ?? null, since }
  }
}

interface Found {
  readonly state: string
  readonly reason: string | undefined
  /** Undefined: since it was found so. */
  readonly sinceMs: number | undefined
}

const well: Found = { state: 'ready', reason: undefined, sinceMs: undefined }

async function reasonOf(connection: Connection): Promise<string | undefined> {
  return connection.ping?.({ timeoutMs: pingMsMax }).then(() => undefined, messageOf)
}
