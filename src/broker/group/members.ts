import type { Subscription } from 'rxjs'
import type { GroupProtocol, JoinAnswer, JoinRequest, SyncAnswer } from './requests.ts'
import { subscribedTopics } from './subscription.ts'

export interface Member {
  readonly id: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  protocols: readonly GroupProtocol[]
  assignment: Buffer
  joining: ((answer: JoinAnswer) => void) | undefined
  syncing: ((answer: SyncAnswer) => void) | undefined
  /** Ends its membership unless it is heard of. */
  session: Subscription | undefined
}

/** Who is in a group, and what they have in common. The first is the one that has been in it the longest. */
export class Members implements Iterable<Member> {
  readonly #byId = new Map<string, Member>()

  get size(): number {
    return this.#byId.size
  }

  get first(): Member | undefined {
    return this.#byId.values().next().value
  }

  get(id: string): Member | undefined {
    return this.#byId.get(id)
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  set(member: Member): void {
    this.#byId.set(member.id, member)
  }

  delete(id: string): void {
    this.#byId.delete(id)
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#byId.values()
  }

  /** The one that goes by this name of its own. Source: KIP-345. */
  named(instanceId: string): Member | undefined {
    return [...this].find((member) => member.instanceId === instanceId)
  }

  /** Whether another member has come under its name since. */
  isReplaced({ memberId, instanceId }: Pick<JoinRequest, 'memberId' | 'instanceId'>): boolean {
    if (memberId === '' || instanceId === null) return false
    const named = this.named(instanceId)
    return named !== undefined && named.id !== memberId
  }

  /** Whether one has subscribed to the topic, or does not say to which it has. */
  isSubscribedTo(topic: string): boolean {
    return [...this].some(({ protocols }) =>
      protocols.some(({ metadata }) => subscribedTopics(metadata)?.includes(topic) ?? true),
    )
  }

  /** Those of the protocols that all of them support. */
  common(protocols: readonly GroupProtocol[]): string[] {
    return protocols
      .map(({ name }) => name)
      .filter((name) => [...this].every((member) => member.protocols.some((each) => each.name === name)))
  }

  /** Of the slowest one. */
  get rebalanceTimeoutMs(): number {
    return Math.max(0, ...[...this].map((member) => member.rebalanceTimeoutMs))
  }
}
