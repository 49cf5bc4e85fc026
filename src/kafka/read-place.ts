import type { Cluster, Leader } from './cluster.ts'
import type { TopicPartition } from './types.ts'

/** Then the leader is asked again, which names only replicas that keep up. */
const replicaMs = 60_000

/** Where a partition is read: at its leader or, for a while, at a replica that this has named. Source: KIP-392. */
export class ReadPlace {
  /** Undefined while it is being found out. */
  leader: Leader | undefined
  readonly #cluster: Cluster
  readonly #of: TopicPartition
  /** With no node: at the leader all the same, which is not asked for another one: one that it has named has failed. */
  #replica: { readonly nodeId: number | undefined; readonly untilMs: number } | undefined

  constructor(cluster: Cluster, of: TopicPartition) {
    this.#cluster = cluster
    this.#of = of
  }

  /** Which node to ask. */
  nodeId(leader: Leader): number {
    if (this.#replica && this.#replica.untilMs <= this.#nowMs()) this.#replica = undefined
    return this.#replica?.nodeId ?? leader.nodeId
  }

  /** Whether the leader is to be asked for a replica. */
  get mayBeReplica(): boolean {
    return this.#replica === undefined
  }

  /** To the replica that the leader has named; undefined: to the leader, however often it names one. */
  moveTo(nodeId: number | undefined): void {
    this.#replica = { nodeId, untilMs: this.#nowMs() + replicaMs }
  }

  /** What was believed of where to read was wrong: first of the replica, then of the leader. */
  giveUp(nodeId: number): void {
    if (this.#replica?.nodeId === nodeId) this.moveTo(undefined)
    else {
      this.#cluster.forgetLeader(this.#of)
      this.leader = undefined
    }
  }

  #nowMs(): number {
    return this.#cluster.options.clock.now()
  }
}
