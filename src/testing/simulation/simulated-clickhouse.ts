import type { CallOptions, ClickHouse, EncodedRows, InsertTarget } from '../../clickhouse/client.ts'
import { withDeadline } from '../../clickhouse/deadline.ts'
import { translateError } from '../../clickhouse/errors.ts'
import type { QuerySettings } from '../../clickhouse/insert-settings.ts'
import { RivuletError } from '../../errors.ts'
import type { Machine } from './machine.ts'
import { seededRandom } from './seeded-random.ts'
import type { World } from './world.ts'

/** How likely each is for one call, from 0 to 1. */
export interface ClickHouseFaults {
  /** The call does not come there, and nobody answers. */
  readonly lost: number
  /** It is done, and the answer does not come. */
  readonly unanswered: number
  /** It comes up to `lateMsMax` later, also if the client has long given up on it. */
  readonly late: number
  /** The server says that it can't just now, and does nothing. */
  readonly failing: number
  /** The server dies with the token of an insert noted and the part not yet there; one table alone, without replicas. */
  readonly burnt: number
}

/** What ClickHouse is like in a simulation. */
export interface SimulatedClickHouseOptions {
  /** How many inserts a table remembers by their tokens. */
  readonly tokensMax: number
  /** And for how long at most; default: as long as there are no more than `tokensMax`. */
  readonly tokensKeptMs?: number
  /** Behind one address; what one of them has taken the others have up to `lagMsMax` later. Default: one server alone. */
  readonly replicas?: number
  /** See `replicas`. */
  readonly lagMsMax?: number
  /** See `ClickHouseFaults.late`. */
  readonly lateMsMax?: number
  /** Those that are not named do not happen. */
  readonly faults?: Partial<ClickHouseFaults>
  /** Settings of the user's profile; what an insert gives itself goes before. */
  readonly profile?: Readonly<Record<string, string | number>>
  /** Which rows the server refuses, by what they are beside their place: RowBinary. */
  readonly refuses?: (own: Buffer) => boolean
}

/** Where a row came from. */
export interface RowPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface SimulatedRow extends RowPlace {
  readonly from: number
  readonly to: number
  /** The table's own columns, as they were sent: RowBinary. */
  readonly own: Buffer
}

interface Part {
  readonly rows: readonly SimulatedRow[]
  /** When each replica has it. */
  readonly visibleMs: readonly number[]
}

interface Table {
  readonly sortingKey: string
  readonly parts: Part[]
  /** When each was noted; oldest first. */
  readonly tokens: Map<string, number>
}

const answersWithinMs = 20
/** Shorter than some calls take, which come there all the same. */
const defaultTimeoutMs = 5_000
const violated = 'Code: 469. DB::Exception: Constraint is violated. (VIOLATED_CONSTRAINT)'

/**
 * ClickHouse as its sink sees it: tables of parts, inserts that are atomic as one block, tokens by which repeated inserts are
 * dropped until they are forgotten, replicas that lag behind, calls that are lost, late, unanswered or refused.
 */
export class SimulatedClickHouse {
  readonly #world: World
  readonly #options: SimulatedClickHouseOptions
  readonly #random: () => number
  readonly #tables = new Map<string, Table>()
  readonly #refused = new Map<string, RowPlace>()
  #faults: Partial<ClickHouseFaults>

  constructor(world: World, options: SimulatedClickHouseOptions) {
    this.#world = world
    this.#options = options
    this.#faults = options.faults ?? {}
    this.#random = seededRandom(world.seed ^ 0xc11c)
  }

  /** Each call comes there and is answered from now on. */
  recover(): void {
    this.#faults = {}
  }

  /** The names of all tables. */
  get tables(): readonly string[] {
    return [...this.#tables.keys()]
  }

  /** Everything in a table, part by part, in the order of the inserts. */
  parts(table: string): readonly (readonly SimulatedRow[])[] {
    return this.#tables.get(table)?.parts.map(({ rows }) => rows) ?? []
  }

  /** The rows that it has refused by themselves. */
  get refused(): readonly RowPlace[] {
    return [...this.#refused.values()]
  }

  /** A client of it on a machine. */
  connect(machine: Machine): ClickHouse {
    const call = <T>(work: () => T, { timeoutMs = defaultTimeoutMs, ...options }: CallOptions = {}) =>
      withDeadline(
        () => this.#call(machine, work),
        { server: 'ClickHouse', timeoutMs, clock: machine.clock },
        options,
      )
    return {
      kind: 'server',
      cluster: undefined,
      tableName: (name) => name,
      query: <Row>(sql: string, params?: Readonly<Record<string, unknown>>, options?: CallOptions) =>
        call(() => this.#answer(sql, params, options?.settings) as Row[], options),
      queryColumns: () =>
        Promise.reject(new RivuletError('INTERNAL', 'a simulated ClickHouse has no columns')),
      command: (sql, options) => call(() => this.#define(sql), options),
      // The bytes are read when the insert comes there: whoever changed them meanwhile has broken his word.
      insert: (target, rows, options) => call(() => this.#insert(target, rows), options),
      ping: (options) => call(() => {}, options),
      close: async () => {},
    }
  }

  #call<T>(machine: Machine, work: () => T): Promise<T> {
    const { lost = 0, unanswered = 0, late = 0, failing = 0 } = this.#faults
    const { lateMsMax = 0 } = this.#options
    const { time } = this.#world
    const delayMs = () => this.#random() * answersWithinMs
    const happens = (likelihood: number) => this.#random() < likelihood
    return new Promise((resolve, reject) => {
      const answer = (tell: () => void) => time.after(delayMs(), () => machine.do(tell))
      if (happens(lost)) return
      time.after(delayMs() + (happens(late) ? this.#random() * lateMsMax : 0), () => {
        try {
          if (happens(failing)) throw unreachable('too many parts')
          const result = work()
          if (happens(unanswered)) throw unreachable('socket hang up')
          answer(() => resolve(result))
        } catch (error) {
          answer(() => reject(error))
        }
      })
    })
  }

  #define(sql: string): void {
    const [, name] = /^CREATE TABLE IF NOT EXISTS (\S+)/.exec(sql) ?? []
    if (name === undefined || this.#tables.has(name)) return
    const [, sortingKey = ''] = /^ORDER BY \((.*)\)$/m.exec(sql) ?? []
    this.#tables.set(name, { sortingKey, parts: [], tokens: new Map() })
  }

  #answer(
    sql: string,
    { database, table }: Readonly<Record<string, unknown>> = {},
    settings?: QuerySettings,
  ): readonly object[] {
    const [, name, topic, partition] =
      /max\(\(_offset, _from, _to\)\) AS last FROM (\S+) WHERE _topic = '(.*)' AND _partition = (\d+)/.exec(
        sql,
      ) ?? []
    if (name !== undefined) return this.#last(name, topic, Number(partition))
    if (sql.includes('FROM system.settings')) return this.#settings(sql, settings)
    if (!sql.includes('FROM system.tables')) return []
    const sortingKey = this.#tables.get(`${database}.${table}`)?.sortingKey
    if (sortingKey === undefined) return []
    const engine = this.#replicas > 1 ? 'ReplicatedMergeTree' : 'MergeTree'
    return [{ engine, engine_full: '', sorting_key: sortingKey, partition_key: '' }]
  }

  get #replicas(): number {
    return this.#options.replicas ?? 1
  }

  #last(name: string, topic: string | undefined, partition: number): readonly object[] {
    const replica = Math.floor(this.#random() * this.#replicas)
    let last: SimulatedRow | undefined
    for (const { rows, visibleMs } of this.#table(name).parts) {
      if ((visibleMs[replica] as number) > this.#world.time.nowMs) continue
      for (const row of rows)
        if (row.topic === topic && row.partition === partition && row.offset >= (last?.offset ?? 0))
          last = row
    }
    return [last ? { found: 1, last: [last.offset, last.from, last.to] } : { found: 0, last: [0, 0, 0] }]
  }

  #settings(sql: string, settings: QuerySettings = {}): readonly object[] {
    const effective = { ...this.#options.profile, ...settings }
    return [...sql.matchAll(/'(\w+)'/g)].map(([, name = '']) => ({ name, value: String(effective[name]) }))
  }

  #insert({ table: name, settings }: InsertTarget, { bytes, starts }: EncodedRows): void {
    const { profile, refuses = () => false } = this.#options
    const all = starts.map((start, i) => rowOf(bytes.subarray(start, starts[i + 1])))
    if (all.some(({ own }) => refuses(own))) {
      const [only, ...others] = all
      if (only && others.length === 0)
        this.#refused.set(`${only.topic}/${only.partition}/${only.offset}`, only)
      throw translateError(new Error(violated))
    }
    const table = this.#table(name)
    const effective: QuerySettings = { ...profile, ...settings }
    const blockRows = Number(effective.max_insert_block_size ?? all.length)
    for (let from = 0; from < all.length; from += blockRows) {
      if (effective.insert_deduplicate !== 0) {
        const token = `${effective.insert_deduplication_token} ${from}`
        this.#forgetTokens(table)
        if (table.tokens.has(token)) continue
        table.tokens.set(token, this.#world.time.nowMs)
        if (this.#random() < (this.#faults.burnt ?? 0)) throw unreachable('killed')
      }
      const rows = all.slice(from, from + blockRows)
      table.parts.push({ rows, visibleMs: this.#visibleMs() })
    }
  }

  #forgetTokens({ tokens }: Table): void {
    const { tokensMax, tokensKeptMs = Number.POSITIVE_INFINITY } = this.#options
    const oldestMs = this.#world.time.nowMs - tokensKeptMs
    for (const [token, atMs] of tokens) if (atMs < oldestMs || tokens.size >= tokensMax) tokens.delete(token)
  }

  /** At once on the replica that took it. */
  #visibleMs(): number[] {
    const taker = Math.floor(this.#random() * this.#replicas)
    const { lagMsMax = 0 } = this.#options
    return Array.from({ length: this.#replicas }, (_, replica) =>
      replica === taker ? 0 : this.#world.time.nowMs + this.#random() * lagMsMax,
    )
  }

  #table(name: string): Table {
    const table = this.#tables.get(name)
    if (!table) throw new RivuletError('CLICKHOUSE_REJECTED', `there is no table ${name}`)
    return table
  }
}

/** By the columns that the sink adds, which come first; a topic's name has fewer than 128 bytes here. */
function rowOf(bytes: Buffer): SimulatedRow {
  const topicAt = 9
  const partitionAt = topicAt + (bytes[topicAt - 1] as number)
  return {
    topic: bytes.toString('utf8', topicAt, partitionAt),
    partition: bytes.readUInt16LE(partitionAt),
    offset: Number(bytes.readBigUInt64LE(0)),
    from: Number(bytes.readBigUInt64LE(partitionAt + 2)),
    to: Number(bytes.readBigUInt64LE(partitionAt + 10)),
    own: Buffer.from(bytes.subarray(partitionAt + 18)),
  }
}

function unreachable(why: string): RivuletError {
  return new RivuletError('CLICKHOUSE_UNREACHABLE', why, { retryable: true })
}
