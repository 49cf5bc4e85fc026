import { type Subscription, timer } from 'rxjs'
import { messageOf, RivuletError } from '../errors.ts'
import type { KafkajsLogger } from './internals.ts'
import { kafkajsLogger } from './kafkajs-logger.ts'
import { type Address, type Link, openLink } from './link.ts'
import type { KafkaSettings } from './options.ts'
import { refusalOf } from './refusal.ts'
import { isConnectionError, translate, translateSent } from './translate.ts'

/** A node that takes a connection and says nothing keeps a caller waiting for longer than an operator should guess. */
const silentMsMax = 2_000
/** How often it is looked from then on whether to wait is still worth it. */
const lookIntervalMs = 1_000

/** A connection to each node for each use, and what is known of the nodes by these. */
export class Links {
  readonly #options: KafkaSettings
  readonly #logger: KafkajsLogger
  readonly #links = new Map<string, LinkEntry>()
  /** How often each node has answered. */
  readonly #answers = new Map<string, number>()
  readonly #silent = new Set<string>()
  /** Nodes of which it was said that they take long to open. */
  readonly #unopened = new Set<string>()
  #closed = false

  constructor(options: KafkaSettings) {
    this.#options = options
    this.#logger = kafkajsLogger(options.logger)
  }

  /** These are the nodes that there are: of others, nothing is expected any more. */
  listed(addresses: Iterable<Address>): void {
    const nodes = new Set([...addresses].map(nameOf))
    for (const node of this.#unopened) if (!nodes.has(node)) this.#settle(node, false)
  }

  closeUse(use: string): void {
    for (const [key, entry] of this.#links) {
      const its = key.slice(key.indexOf(' ') + 1)
      if (its === use || its.startsWith(`${use} `)) this.#drop(key, entry)
    }
  }

  close(): void {
    this.#closed = true
    for (const [key, entry] of this.#links) this.#drop(key, entry)
  }

  /** `isVain`: whether there is nothing to be had by waiting any longer; asked while the node says nothing. */
  async with<T>(
    address: Address,
    use: string,
    what: string,
    work: (link: Link) => Promise<T>,
    isVain: () => Promise<boolean>,
  ): Promise<T> {
    if (this.#closed) throw new RivuletError('KAFKA_FAILED', `${what}: this connection to Kafka was closed`)
    const key = `${nameOf(address)} ${use}`
    const entry = this.#entry(key, address)
    const silence = this.#whileSilent(address, async () => {
      if (await isVain()) this.#drop(key, entry, 'no answer, while other nodes answer')
    })
    try {
      return await this.#ask(address, entry, what, work)
    } catch (error) {
      if (!entry.link || isConnectionError(error)) this.#drop(key, entry)
      throw error
    } finally {
      silence.unsubscribe()
    }
  }

  async #ask<T>(
    address: Address,
    entry: LinkEntry,
    what: string,
    work: (link: Link) => Promise<T>,
  ): Promise<T> {
    const spoken = { address, options: this.#options, logger: this.#logger }
    try {
      entry.link ??= await entry.opening
    } catch (error) {
      throw (await refusalOf(error, spoken)) ?? translate(error, what)
    }
    try {
      const answer = await work(entry.link)
      entry.isHeard = true
      this.#hear(address)
      return answer
    } catch (error) {
      throw (await refusalOf(error, { ...spoken, ...entry })) ?? translateSent(error, what)
    }
  }

  #entry(key: string, address: Address): LinkEntry {
    const present = this.#links.get(key)
    if (present && present.link?.isOpen() !== false) return present
    const ending = new AbortController()
    const opening = openLink(address, this.#options, this.#logger, ending.signal)
    const entry: LinkEntry = { ending, opening: this.#watched(address, opening) }
    this.#links.set(key, entry)
    return entry
  }

  /** Says that a node takes long to open, and when it has. What is refused at once is said by whoever tries again. */
  async #watched(address: Address, opening: Promise<Link>): Promise<Link> {
    const { clock, trouble } = this.#options
    const node = nameOf(address)
    const overdue = clock.scheduler.schedule(() => {
      if (this.#closed) return
      if (!this.#unopened.has(node)) trouble.begin()
      this.#unopened.add(node)
      trouble.say(`Kafka at ${node} has not answered for ${silentMsMax / 1000} s`)
    }, silentMsMax)
    const link = await opening.finally(() => overdue.unsubscribe())
    this.#settle(node, true)
    return link
  }

  /** A node has opened, or is none any more. */
  #settle(node: string, answered: boolean): void {
    if (this.#unopened.delete(node)) this.#options.trouble.end({ answered })
  }

  #hear(address: Address): void {
    const node = nameOf(address)
    this.#answers.set(node, (this.#answers.get(node) ?? 0) + 1)
    this.#silent.delete(node)
  }

  /** It lets somebody wait, and answers nobody. */
  isSilent(address: Address): boolean {
    return this.#silent.has(nameOf(address))
  }

  /** Looks again and again while a node lets somebody wait, and answers nobody else either. */
  #whileSilent(address: Address, look: () => Promise<void>): Subscription {
    const { clock, logger } = this.#options
    const node = nameOf(address)
    let answers = this.#answers.get(node)
    return timer(silentMsMax, lookIntervalMs, clock.scheduler).subscribe(() => {
      const before = answers
      answers = this.#answers.get(node)
      if (answers !== before) return
      this.#silent.add(node)
      look().catch((error) => logger.debug(messageOf(error)))
    })
  }

  #drop(key: string, entry: LinkEntry, why = 'closed by Rivulet'): void {
    if (this.#links.get(key) === entry) this.#links.delete(key)
    entry.ending.abort(why)
    entry.opening.catch(() => undefined) // whoever asked for it is told
  }
}

interface LinkEntry {
  /** Aborted: it is ended. */
  readonly ending: AbortController
  readonly opening: Promise<Link>
  link?: Link
  /** Whether anything was answered to what was asked on it. */
  isHeard?: boolean
}

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`
}
