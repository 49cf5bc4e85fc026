import { setTimeout as sleep } from 'node:timers/promises'
import { type Kafka, partitionFor } from 'rivulet'
import { partitions, records } from './counting.ts'

const recordsOfSendMax = 5_000

/** Writes records of keys that are spread over the partitions. */
export class Feed {
  readonly #producer: ReturnType<Kafka['producer']>
  readonly #keys: readonly (readonly string[])[]
  readonly #random: () => number
  /** Of the newest record, by partition. */
  readonly #sequences = Array.from({ length: partitions }, () => 0)
  #feeding: Promise<void> = Promise.resolve()
  #isOver = false

  constructor(kafka: Kafka, keyCount: number, random: () => number) {
    this.#producer = kafka.producer()
    const keys: string[][] = Array.from({ length: partitions }, () => [])
    for (let i = 0; i < keyCount; i++) {
      const key = `key-${i}`
      keys[partitionFor(records.key.serialize(key), partitions)]?.push(key)
    }
    this.#keys = keys
    this.#random = random
  }

  get sent(): readonly number[] {
    return this.#sequences
  }

  /** One record of each key. */
  async fill(): Promise<void> {
    await Promise.all(
      this.#keys.map(async (keys, partition) => {
        for (let i = 0; i < keys.length; i += recordsOfSendMax)
          await this.#send(partition, keys.slice(i, i + recordsOfSendMax))
      }),
    )
  }

  /** From now on a record each `intervalMs` for each partition, of any of its keys. */
  begin(intervalMs: number): void {
    this.#feeding = this.#feed(intervalMs)
  }

  async end(): Promise<void> {
    this.#isOver = true
    await this.#feeding
    await this.#producer.close()
  }

  async #feed(intervalMs: number): Promise<void> {
    while (!this.#isOver) {
      const sent = this.#keys.map((keys, partition) => {
        const key = keys[Math.floor(this.#random() * keys.length)]
        return key === undefined ? undefined : this.#send(partition, [key])
      })
      await Promise.all([...sent, sleep(intervalMs)])
    }
  }

  async #send(partition: number, keys: readonly string[]): Promise<void> {
    const first = (this.#sequences[partition] ?? 0) + 1
    this.#sequences[partition] = first + keys.length - 1
    await this.#producer.send(records.name, partition, {
      keys: keys.map((key) => records.key.serialize(key)),
      values: keys.map((_, i) => records.value.serialize(first + i)),
      timestampsMs: keys.map(() => Date.now()),
    })
  }
}
