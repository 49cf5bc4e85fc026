import { messageOf } from '../errors.ts'
import type { RegistryClient, ResolvedSchema } from './client.ts'

/** Reads `bytes[from, to)`, what stands behind the schema's id. Throws for what is no value of it. */
export type ReadWithin<T> = (bytes: Buffer, from: number, to: number) => T

/** What reads the values of a schema that others have written with. Throws where it can't be. */
export type MakeReader<T> = (written: ResolvedSchema) => ReadWithin<T>

/**
 * The readers by their schema's id, each fetched once. What is refused is kept apart: ids that mean nothing, of damaged
 * bytes, must not push out those that do.
 */
export class SchemaCache<T> {
  readonly #client: RegistryClient
  readonly #makeReader: MakeReader<T>
  readonly #readers = new Map<number, ReadWithin<T>>()
  readonly #refused = new Map<number, string>()
  readonly #underWay = new Map<number, Promise<void>>()

  constructor(client: RegistryClient, makeReader: MakeReader<T>) {
    this.#client = client
    this.#makeReader = makeReader
  }

  /** Undefined: not fetched, or refused. */
  readerOf(id: number): ReadWithin<T> | undefined {
    return this.#readers.get(id)
  }

  /** Why there is no reader. */
  refusalOf(id: number): string {
    return this.#refused.get(id) ?? `the registry has no schema ${id}`
  }

  /** Undefined: it is known what the id means. Rejects as the client does, and names the subject then. */
  prepare(id: number, subject: string): Promise<void> | undefined {
    const reader = this.#readers.get(id)
    if (reader) {
      // The last one of the map is the one that was asked for last.
      this.#readers.delete(id)
      this.#readers.set(id, reader)
      return undefined
    }
    if (this.#refused.has(id)) return undefined
    let fetching = this.#underWay.get(id)
    if (!fetching) {
      fetching = this.#fetch(id, subject).finally(() => this.#underWay.delete(id))
      this.#underWay.set(id, fetching)
    }
    return fetching
  }

  async #fetch(id: number, subject: string): Promise<void> {
    const written = await this.#client.schemaOf(id, subject)
    if ('refused' in written) return this.#keep(this.#refused, id, written.refused)
    try {
      this.#keep(this.#readers, id, this.#makeReader(written))
    } catch (error) {
      this.#keep(this.#refused, id, `what schema ${id} writes can't be read here: ${messageOf(error)}`)
    }
  }

  #keep<V>(kept: Map<number, V>, id: number, value: V): void {
    const [oldest] = kept.keys()
    if (oldest !== undefined && kept.size >= this.#client.schemasMax) kept.delete(oldest)
    kept.set(id, value)
  }
}
