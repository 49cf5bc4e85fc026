import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { SchemaReference } from '../../src/registry/index.ts'

interface Registered {
  readonly schema: string
  readonly schemaType?: string
  readonly references?: readonly SchemaReference[]
}

type Answer = readonly [status: number, body: object | string]

/** A registry that answers as Confluent's and Apicurio's do, in memory; its ids go up from 1. */
export class RegistryServer {
  /** What it was asked, as `GET /schemas/ids/1`. */
  readonly asked: string[] = []
  readonly authorizations: (string | undefined)[] = []
  /** Answers so instead, until it is undefined again; `never`: not at all. */
  failing: Answer | 'never' | undefined
  readonly #server
  readonly #schemas: Registered[] = []
  readonly #subjects = new Map<string, number[]>()
  readonly #scheme: string

  private constructor(tls: ServerOptions | undefined) {
    const listen: RequestListener = async (request, response) => {
      const answer = await this.#answer(request)
      if (answer === 'never') return
      const [status, body] = answer
      response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
    }
    this.#scheme = tls ? 'https' : 'http'
    this.#server = tls ? createTlsServer(tls, listen) : createServer(listen)
  }

  static async start(tls?: ServerOptions): Promise<RegistryServer> {
    const registry = new RegistryServer(tls)
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve))
    return registry
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Gives the subject a schema, as another program would. */
  register(subject: string, of: Registered | object): number {
    const registered: Registered = 'schema' in of ? (of as Registered) : { schema: JSON.stringify(of) }
    const known = this.#schemas.findIndex(({ schema }) => schema === registered.schema) + 1
    const id = known || this.#schemas.push(registered)
    const versions = this.#subjects.get(subject) ?? []
    if (!versions.includes(id)) this.#subjects.set(subject, [...versions, id])
    return id
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage): Promise<Answer | 'never'> {
    const { method, url = '' } = request
    this.asked.push(`${method} ${url}`)
    this.authorizations.push(request.headers.authorization)
    if (this.failing) return this.failing
    const [, first, name = '', third, version] = url
      .replace('?normalize=true', '')
      .split('/')
      .map(decodeURIComponent)
    if (first === 'schemas') return this.#schemaAnswer(Number(third))
    if (method === 'GET') return this.#schemaAnswer(this.#subjects.get(name)?.[Number(version) - 1])
    const asked = (await json(request)) as Registered
    if (third === 'versions') return [200, { id: this.register(name, asked) }]
    const id = this.#subjects.get(name)?.find((each) => this.#schemas[each - 1]?.schema === asked.schema)
    return id === undefined ? [404, { error_code: 40403, message: 'Schema not found' }] : [200, { id }]
  }

  #schemaAnswer(id: number | undefined): Answer {
    const found = this.#schemas[(id ?? 0) - 1]
    return found ? [200, found] : [404, { error_code: 40403, message: 'Schema not found' }]
  }
}
