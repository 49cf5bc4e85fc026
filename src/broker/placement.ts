import type { PartitionLog } from './log/partition-log.ts'
import { errorCodes, type KafkaErrorCode } from './protocol/error-codes.ts'

/** Where clients reach a node. */
export interface NodeAddress {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export type CoordinatorType = 'group' | 'transaction'

/** Which node of the cluster does what, as one of them knows it. */
export interface Placement {
  /** Of the one that knows it so. */
  readonly nodeId: number
  /** Those that are up. */
  readonly nodes: readonly NodeAddress[]
  readonly controllerId: number
  /** −1: nobody at present. */
  leaderOf(log: PartitionLog): { readonly nodeId: number; readonly epoch: number }
  /** Undefined: nobody at present. */
  coordinatorOf(type: CoordinatorType, key: string): NodeAddress | undefined
  /** Why this node does not answer for the partition, as clients are told it. */
  leaderFault(log: PartitionLog): KafkaErrorCode
  /** Why it does not, or not yet, coordinate this group or transactional id. */
  coordinatorFault(type: CoordinatorType, key: string): KafkaErrorCode
  /** Why it makes and deletes no topics. */
  controllerFault(): KafkaErrorCode
}

/** The embedded broker is a cluster of one: it does all of it. */
export class OneNode implements Placement {
  readonly nodeId = 1
  readonly controllerId = this.nodeId
  readonly #host: string
  /** Known when it listens. */
  port: number

  constructor(host: string, port: number) {
    this.#host = host
    this.port = port
  }

  /** The same for a client that came to this address, where it listens to all addresses. */
  seenAt(address: string): OneNode {
    return this.#host === '0.0.0.0' || this.#host === '::' ? new OneNode(address, this.port) : this
  }

  get nodes(): readonly [NodeAddress] {
    return [{ nodeId: this.nodeId, host: this.#host, port: this.port }]
  }

  leaderOf({ leaderEpoch }: PartitionLog) {
    return { nodeId: this.nodeId, epoch: leaderEpoch }
  }

  coordinatorOf(): NodeAddress {
    return this.nodes[0]
  }

  leaderFault(): KafkaErrorCode {
    return errorCodes.none
  }

  coordinatorFault(): KafkaErrorCode {
    return errorCodes.none
  }

  controllerFault(): KafkaErrorCode {
    return errorCodes.none
  }
}
