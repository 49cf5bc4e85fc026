import type { Clock } from '../clock.ts'
import type { GraphNode } from '../stream/graph.ts'
import type { Topology } from '../stream/topology.ts'
import { GapLog } from './gap-log.ts'
import type { Task } from './task.ts'

/** What an instance has done since its start, also in tasks that it no longer has. */
export class Statistics {
  readonly #topology: Topology
  readonly #counters = new Map<string, number>()
  /** By sub-topology, then by step: a topic that two of them read is counted once. */
  readonly #retired = new Map<number, Map<string, number>>()
  readonly #live = new Map<Task, number>()
  readonly gaps: GapLog
  /** Of a task or a source. */
  lastCommitMs: number | undefined
  #samples: { readonly atMs: number; readonly totals: ReadonlyMap<string, number> }[] = []

  constructor(topology: Topology, clock: Pick<Clock, 'now'>) {
    this.#topology = topology
    this.gaps = new GapLog(clock)
  }

  count(counter: string, by = 1): void {
    this.#counters.set(counter, (this.#counters.get(counter) ?? 0) + by)
  }

  taskStarted(task: Task, subTopologyId: number): void {
    this.#live.set(task, subTopologyId)
  }

  taskStopped(task: Task): void {
    const id = this.#live.get(task)
    if (id === undefined || !this.#live.delete(task)) return
    const totals = this.#retired.get(id) ?? new Map<string, number>()
    this.#retired.set(id, add(totals, task.totals))
    for (const [reason, count] of task.dropped) this.count(counterOf(reason), count)
  }

  /** Remembers where the totals stand, for the rates, and how long tasks have worked. */
  sample(nowMs: number): void {
    this.#samples.push({ atMs: nowMs, totals: this.#totals() })
    this.#samples = this.#samples.slice(-rateSamples)
    for (const task of this.#live.keys()) task.load.sample(nowMs)
  }

  nodes(nowMs: number): { name: string; kind: string; rate: number; total: number }[] {
    const totals = this.#totals()
    const [oldest] = this.#samples
    return this.#topology.nodes.map((node: GraphNode) => {
      const { name, kind } = node
      const total = totals.get(name) ?? 0
      const elapsedMs = oldest ? nowMs - oldest.atMs : 0
      const since = total - (oldest?.totals.get(name) ?? 0)
      return { name, kind, rate: elapsedMs > 0 ? Math.max(0, (since * 1_000) / elapsedMs) : 0, total }
    })
  }

  /** `late` counts a record once for each window that it missed. */
  counters(): Record<string, number> {
    const counters = new Map([...countersAlways.map((name) => [name, 0] as const), ...this.#counters])
    for (const task of this.#live.keys()) {
      for (const [reason, count] of task.dropped)
        counters.set(counterOf(reason), (counters.get(counterOf(reason)) ?? 0) + count)
    }
    return Object.fromEntries(counters)
  }

  #totals(): Map<string, number> {
    const bySubTopology = new Map<number, Map<string, number>>()
    for (const [id, totals] of this.#retired) bySubTopology.set(id, new Map(totals))
    for (const [task, id] of this.#live)
      bySubTopology.set(id, add(bySubTopology.get(id) ?? new Map(), task.totals))
    const largest = new Map<string, number>()
    for (const totals of bySubTopology.values())
      for (const [name, total] of totals) largest.set(name, Math.max(largest.get(name) ?? 0, total))
    return largest
  }
}

/** One a second: the rates are over about so many seconds. */
const rateSamples = 5
const countersAlways = ['late', 'dead_letters', 'dropped']

function counterOf(reason: string): string {
  return reason === 'late' ? 'late' : 'dropped'
}

function add(sums: Map<string, number>, more: ReadonlyMap<string, number>): Map<string, number> {
  for (const [name, count] of more) sums.set(name, (sums.get(name) ?? 0) + count)
  return sums
}
