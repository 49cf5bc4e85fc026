import { OutgoingColumns } from './outgoing-columns.ts'

/** A topic that records go to: what waits for each of its partitions. */
export class OutgoingTopic {
  /** Its real name. */
  readonly name: string
  /** How many it has; undefined: nobody knows yet. */
  partitions: number | undefined
  /** Whether its records know where they come from. */
  readonly #keepsOrigins: boolean
  readonly #columns: OutgoingColumns[] = []

  constructor(name: string, partitions?: number, keepsOrigins = false) {
    this.name = name
    this.partitions = partitions
    this.#keepsOrigins = keepsOrigins
  }

  columnsOf(partition: number): OutgoingColumns {
    let columns = this.#columns[partition]
    if (!columns) {
      columns = new OutgoingColumns(this.name, partition, this.#keepsOrigins)
      this.#columns[partition] = columns
    }
    return columns
  }
}
