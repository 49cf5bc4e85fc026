import { Agent } from 'node:https'
import { type Clock, systemClock } from '../clock.ts'
import { RivuletError } from '../errors.ts'
import { type TlsOptions, tlsContext } from '../tls.ts'
import { ask } from './http.ts'

/** Who asks: a user and a password, or a token, which may be asked for each time. */
export type RegistryAuth =
  | {
      /** Basic authentication. */
      readonly username: string
      /** Never logged. */
      readonly password: string
    }
  | {
      /** A bearer's; a function is asked before each request. */
      readonly token: string | (() => Promise<string>)
    }

/** Where the registry is, and how to speak with it. */
export interface RegistryOptions {
  /** Such as `https://registry.example:8081`, with the path before `/subjects` where there is one. */
  readonly url: string
  /** Default: nobody in particular. */
  readonly auth?: RegistryAuth
  /** Default: what Node trusts. */
  readonly tls?: TlsOptions
  /** How long one answer may take. Default: 10,000. */
  readonly timeoutMs?: number
  /** How many schemas each serde keeps; the one that was not read for longest goes first. Default: 1,000. */
  readonly schemasMax?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

/** In which language a schema is written. */
export type SchemaType = 'AVRO' | 'JSON' | 'PROTOBUF'

/** Another subject's schema, by the name that it has in the one that refers to it. */
export interface SchemaReference {
  /** As the schema that refers to it calls it. */
  readonly name: string
  /** Under which the registry keeps it. */
  readonly subject: string
  /** Of the subject, from 1. */
  readonly version: number
}

/** A schema that another one refers to: where the registry has it, and what it is. */
export interface ReferredSchema extends SchemaReference {
  /** Its text. */
  readonly schema: string
}

/** A schema as it is registered. */
export interface SchemaText {
  /** In which language it is written. */
  readonly schemaType: SchemaType
  /** JSON for Avro and JSON Schema, a `.proto` for Protobuf. */
  readonly schema: string
  /** The schemas that it names, and does not hold. */
  readonly references: readonly SchemaReference[]
}

/** A schema with all that it refers to, what is referred to first. */
export interface ResolvedSchema extends SchemaText {
  /** All of them, also those that are referred to by others. */
  readonly referred: readonly Pick<ReferredSchema, 'name' | 'schema'>[]
}

/** What the registry says no to, and will again: it has no such schema, or does not take this one. */
export interface Refused {
  readonly refused: string
}

const referencesMax = 1_000
/** Not this question's fault: there are too many of them, or the registry is in trouble. */
const passing = (status: number) => status >= 500 || [408, 425, 429].includes(status)
const loginRefusals = new Map([
  [401, 'does not take the login'],
  [403, 'does not permit this login'],
])

/**
 * A registry with Confluent's REST API. That it has no such schema, or does not take one, is an answer. What may pass (it is
 * away, or in trouble) rejects with `REGISTRY_UNREACHABLE`, retryable: the runtime asks again, with backoff. A login that it
 * does not take rejects with `REGISTRY_REJECTED`, which ends the program.
 */
export class RegistryClient {
  readonly schemasMax: number
  readonly #options: RegistryOptions
  readonly #base: URL
  readonly #agent: Agent | undefined

  /** Throws `BAD_CONFIG` for what is no address, or no certificate. */
  constructor(options: RegistryOptions) {
    const { url, tls, schemasMax = 1_000 } = options
    if (!/^https?:/.test(url) || !URL.canParse(url))
      throw new RivuletError(
        'BAD_CONFIG',
        'the address of the schema registry must begin with http: or https:',
      )
    this.#base = new URL(url.endsWith('/') ? url : `${url}/`)
    if (this.#base.username || this.#base.password)
      throw new RivuletError(
        'BAD_CONFIG',
        "a password for the schema registry belongs into 'auth', not its address",
      )
    this.#options = options
    this.#agent =
      this.#base.protocol === 'https:'
        ? new Agent({ keepAlive: true, ...(tls && tlsContext(tls, 'registrySsl')) })
        : undefined
    this.schemasMax = schemasMax
  }

  /** The schema that values are written with, and all that it refers to; the subject is the one that is told of in errors. */
  async schemaOf(id: number, subject: string): Promise<ResolvedSchema | Refused> {
    const found = await this.#ask(`schemas/ids/${id}`, subject)
    if ('refused' in found) return { refused: `the registry has no schema ${id}: ${found.refused}` }
    const schema = schemaIn(found)
    const referred = new Map<string, string>()
    const missing = await this.#refer(schema.references, referred)
    if (missing !== undefined) return { refused: `schema ${id} refers to ${missing}` }
    return { ...schema, referred: [...referred].map(([name, text]) => ({ name, schema: text })) }
  }

  /** The id of a schema that the subject has; with `register`, it is given to it where it has not. */
  async idOf(subject: string, schema: SchemaText, register: boolean): Promise<number | Refused> {
    const { schemaType, references } = schema
    const path = `subjects/${encodeURIComponent(subject)}${register ? '/versions' : ''}`
    // Normalized: other programs write the same schema with other spaces.
    const answer = await this.#ask(`${path}?normalize=true`, subject, {
      schema: schema.schema,
      // Older registries know of Avro only.
      ...(schemaType !== 'AVRO' && { schemaType }),
      ...(references.length > 0 && { references }),
    })
    if ('refused' in answer) {
      const what = register
        ? `does not take this schema for "${subject}"`
        : `has no such schema of "${subject}"`
      return { refused: `the registry ${what}: ${answer.refused}` }
    }
    if (typeof answer.id !== 'number') throw this.#unreachable('answers without an id')
    return answer.id
  }

  /** Adds what is referred to, depth first; answers what is not there. */
  async #refer(
    references: readonly SchemaReference[],
    referred: Map<string, string>,
  ): Promise<string | undefined> {
    for (const { name, subject, version } of references) {
      if (referred.has(name)) continue
      const answer = await this.#ask(`subjects/${encodeURIComponent(subject)}/versions/${version}`, subject)
      if ('refused' in answer)
        return `version ${version} of "${subject}", which is not there: ${answer.refused}`
      if (referred.size === referencesMax) return `more than ${referencesMax} others`
      const schema = schemaIn(answer)
      const missing = await this.#refer(schema.references, referred)
      if (missing !== undefined) return missing
      referred.set(name, schema.schema)
    }
    return undefined
  }

  async #ask(
    path: string,
    subject: string,
    body?: object,
  ): Promise<Readonly<Record<string, unknown>> | Refused> {
    const { timeoutMs = 10_000, clock = systemClock } = this.#options
    const question = {
      url: new URL(path, this.#base),
      authorization: await this.#authorization(),
      ...(body && { body }),
    }
    const answer = await ask(question, { agent: this.#agent, timeoutMs, clock })
    const fields = fieldsOf(answer.body)
    const said = `${answer.status}${typeof fields.message === 'string' ? ` ${fields.message}` : ''}`
    if (answer.status === 200) return fields
    const loginRefusal = loginRefusals.get(answer.status)
    if (loginRefusal !== undefined) {
      const message = `The schema registry ${this.#base.origin} ${loginRefusal}: asked for a schema of "${subject}", it answers with ${said}`
      throw new RivuletError('REGISTRY_REJECTED', message)
    }
    // A proxy says "not found", too, and knows nothing of schemas.
    const isRefusal = !passing(answer.status) && typeof fields.error_code === 'number'
    if (!isRefusal) throw this.#unreachable(`answers with ${said}`)
    return { refused: said }
  }

  async #authorization(): Promise<string | undefined> {
    const { auth } = this.#options
    if (!auth) return undefined
    if ('token' in auth) return `Bearer ${typeof auth.token === 'string' ? auth.token : await auth.token()}`
    return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`
  }

  #unreachable(why: string): RivuletError {
    const message = `The schema registry ${this.#base.origin} ${why}`
    return new RivuletError('REGISTRY_UNREACHABLE', message, { retryable: true })
  }
}

function schemaIn({ schema, schemaType, references }: Readonly<Record<string, unknown>>): SchemaText {
  return {
    schema: String(schema),
    schemaType: schemaType === 'JSON' || schemaType === 'PROTOBUF' ? schemaType : 'AVRO',
    references: Array.isArray(references) ? references.map(referenceIn) : [],
  }
}

function referenceIn({ name, subject, version }: Readonly<Record<string, unknown>>): SchemaReference {
  return { name: String(name), subject: String(subject), version: Number(version) }
}

/** Of a JSON object; none of what is something else, such as a proxy's page. */
function fieldsOf(body: string): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(body) }
  } catch {
    return {}
  }
}
