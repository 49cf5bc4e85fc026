import { OutgoingColumns } from './outgoing-columns.ts'

/** A topic that records go to: what waits for each of its partitions. */
export class OutgoingTopic {
  /** Its real name. */
  readonly name: string
  /** How many it has; undefined: nobody knows yet. */
  partitions: number | undefined
  readonly #columns: OutgoingColumns[] = []

  constructor(name: string, partitions?: number) {
    this.name = name
    this.partitions = partitions
  }

  columnsOf(partition: number): OutgoingColumns {
    let columns = this.#columns[partition]
    if (!columns) {
      columns = new OutgoingColumns(this.name, partition)
      this.#columns[partition] = columns
    }
    return columns
  }
}
