import type { Kafka } from 'rivulet'
import { Subscription } from 'rxjs'
import { partitions, type Result, results } from './counting.ts'

/** What was found among the results. Each record must have one, in order, and its key's count must be one more. */
export interface Findings {
  results: number
  lost: number
  doubled: number
  /** Counts that do not follow from the one before. */
  wrong: number
}

/** Reads what is committed of the results, as it comes, and holds it to what they must be. */
export class ResultWatch {
  readonly findings: Findings = { results: 0, lost: 0, doubled: 0, wrong: 0 }
  readonly #reading = new Subscription()
  readonly #counts = new Map<string, number>()
  readonly #sequences = Array.from({ length: partitions }, () => 0)
  /** By partition: who has made its newest result. */
  readonly #makers = Array.from({ length: partitions }, () => '')
  /** By partition: who waits for one of somebody else. */
  readonly #waiting = new Map<number, () => void>()

  constructor(kafka: Kafka) {
    for (let partition = 0; partition < partitions; partition++) {
      const read$ = kafka.read(results.name, partition, { fromOffset: 0, toOffset: 'follow' })
      this.#reading.add(
        read$.subscribe(({ chunk }) => {
          for (let i = 0; i < chunk.keys.length; i++) {
            const [key, value] = [chunk.keys.at(i), chunk.values.at(i)]
            if (key && value)
              this.#take(partition, results.key.deserialize(key), results.value.deserialize(value))
          }
        }),
      )
    }
  }

  /** Up to the newest result of each partition. */
  get sequences(): readonly number[] {
    return this.#sequences
  }

  /** The partitions whose newest result it has made. */
  madeBy(maker: string): readonly number[] {
    return [...this.#makers.keys()].filter((partition) => this.#makers[partition] === maker)
  }

  /** Resolves when somebody else has made a result of the partition. */
  untilTakenOver(partition: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(partition, resolve))
  }

  close(): void {
    this.#reading.unsubscribe()
  }

  #take(partition: number, key: string, result: Result | null): void {
    if (!result) return
    const { count, sequence, by } = result
    this.#hold(partition, key, count, sequence)
    if (by === this.#makers[partition]) return
    this.#makers[partition] = by
    this.#waiting.get(partition)?.()
    this.#waiting.delete(partition)
  }

  #hold(partition: number, key: string, count: number, sequence: number): void {
    this.findings.results++
    const expected = (this.#sequences[partition] ?? 0) + 1
    if (sequence < expected) {
      this.findings.doubled++
      return
    }
    this.findings.lost += sequence - expected
    this.#sequences[partition] = sequence
    if (count !== (this.#counts.get(key) ?? 0) + 1) this.findings.wrong++
    this.#counts.set(key, count)
  }
}
