import { RivuletError } from '../../src/errors.ts'
import type { Serde } from '../../src/serdes/serde.ts'

const HEADER_BYTES = 1 + 4

/** A schema registry in memory, and what it was asked. Take it away to make every question fail. */
export class FakeRegistry {
  readonly asked: string[] = []
  readonly answered: string[] = []
  isAway = false
  /** By id, from 1. */
  readonly #schemas: string[] = []

  /** Makes a schema known, as another program would. */
  add(schema: string): number {
    return this.#schemas.includes(schema) ? this.#schemas.indexOf(schema) + 1 : this.#schemas.push(schema)
  }

  async schemaOf(id: number): Promise<string | undefined> {
    this.#answer(`schema ${id}`)
    return this.#schemas[id - 1]
  }

  async register(subject: string): Promise<number> {
    this.#answer(`register ${subject}`)
    return this.add(subject)
  }

  #answer(question: string): void {
    this.asked.push(question)
    if (this.isAway) throw new Error('the registry is away')
    this.answered.push(question)
  }
}

/** Bytes of a text as that schema's id and the text. */
export function withSchema(id: number, text: string): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.writeUInt32BE(id, 1)
  return Buffer.concat([bytes, Buffer.from(text)])
}

/**
 * Texts that begin with the id of their schema: read only when the schema was fetched, and written only when the topic's
 * was registered. Each serde has a cache of its own, as in a program of its own.
 */
export function registrySerde(registry: FakeRegistry): Serde<string> {
  const schemas = new Map<number, string | undefined>()
  const ids = new Map<string, number>()
  return {
    name: 'registry text',
    prepareRead(bytes) {
      const unknown = new Set<number>()
      for (const each of bytes) {
        if (each === null || each.length < HEADER_BYTES) continue
        const id = each.readUInt32BE(1)
        if (!schemas.has(id)) unknown.add(id)
      }
      if (unknown.size === 0) return undefined
      const fetch = async (id: number) => schemas.set(id, await registry.schemaOf(id))
      return Promise.all([...unknown].map(fetch)).then(() => undefined)
    },
    prepareWrite({ topic, part }) {
      const subject = `${topic}-${part}`
      if (ids.has(subject)) return undefined
      return registry.register(subject).then((id) => {
        ids.set(subject, id)
      })
    },
    deserialize(bytes) {
      const id = bytes.readUInt32BE(1)
      if (!schemas.has(id)) throw new Error(`read before schema ${id} was fetched`)
      if (schemas.get(id) === undefined)
        throw new RivuletError('DECODE_FAILED', `the registry has no schema ${id}`)
      return bytes.toString('utf8', HEADER_BYTES)
    },
    serialize(text, context) {
      if (!context) return Buffer.from(text)
      const subject = `${context.topic}-${context.part}`
      const id = ids.get(subject)
      if (id === undefined) throw new Error(`written before ${subject} was registered`)
      return withSchema(id, text)
    },
  }
}
