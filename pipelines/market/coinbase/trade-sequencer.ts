/** Ids that are known to exist and have not come: both ends included. */
export interface Gap {
  readonly fromId: number
  readonly toId: number
}

/**
 * Brings the trades of one product into order, each once: a buffer between what arrives (twice, out of order, with
 * holes) and the tape, whose ids rise by exactly 1. Pure: no time, no I/O; what fills a gap offers its trades too.
 */
export class TradeSequencer<T extends { readonly tradeId: number }> {
  /** The id that the tape goes on with; undefined until the first trade of an empty tape. */
  #nextId: number | undefined
  /** Nothing was taken and nothing was there: a lower id may still become the tape's first. */
  #isEmpty: boolean
  /** The newest id that is known to exist. */
  #newestId = 0
  readonly #held = new Map<number, T>()
  readonly #heldTradesMax: number

  /** `lastId`: the id at the end of the tape, if it has any. */
  constructor({ lastId, heldTradesMax }: { lastId?: number | undefined; heldTradesMax: number }) {
    this.#nextId = lastId === undefined ? undefined : lastId + 1
    this.#isEmpty = lastId === undefined
    this.#heldTradesMax = heldTradesMax
  }

  get nextId(): number | undefined {
    return this.#nextId
  }

  /** Nothing was taken, and nothing was there. */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  get heldTrades(): number {
    return this.#held.size
  }

  /** `full`: not kept because too many are held, but remembered as existing, so it will show as a gap. */
  offer(trade: T): 'accepted' | 'duplicate' | 'full' {
    this.begin(trade.tradeId)
    if (this.#isKnown(trade.tradeId)) return 'duplicate'
    this.announce(trade.tradeId)
    // The next one is always taken: it ends the waiting of the others.
    if (this.#held.size >= this.#heldTradesMax && trade.tradeId !== this.#nextId) return 'full'
    this.#held.set(trade.tradeId, trade)
    return 'accepted'
  }

  /** As `offer`, for trades fetched to fill the gap: at most a page of them, they go beyond the bound. */
  fill(trade: T): 'accepted' | 'duplicate' {
    if (this.#isKnown(trade.tradeId)) return 'duplicate'
    this.#held.set(trade.tradeId, trade)
    return 'accepted'
  }

  /** The next trade of the tape, if it is there. */
  get head(): T | undefined {
    return this.#nextId === undefined ? undefined : this.#held.get(this.#nextId)
  }

  take(): T | undefined {
    const trade = this.head
    if (this.#nextId === undefined || trade === undefined) return undefined
    this.#held.delete(this.#nextId)
    this.#nextId++
    this.#isEmpty = false
    return trade
  }

  /** An empty tape begins with the lowest of these trades; any other goes on where it is. */
  begin(tradeId: number): void {
    if (this.#isEmpty && (this.#nextId === undefined || tradeId < this.#nextId)) this.#nextId = tradeId
  }

  /** Somebody says that this trade exists. To an empty tape nothing older than its first trade is owed. */
  announce(tradeId: number): void {
    if (tradeId > this.#newestId) this.#newestId = tradeId
  }

  /** The lowest hole in what is known; undefined while there is something to take, or nothing is missing. */
  get gap(): Gap | undefined {
    if (this.#nextId === undefined || this.#held.has(this.#nextId)) return undefined
    let toId = this.#newestId
    for (const id of this.#held.keys()) if (id <= toId) toId = id - 1
    return toId < this.#nextId ? undefined : { fromId: this.#nextId, toId }
  }

  /** Gives up what is missing before `tradeId`, within the gap. Returns how many trades that are. */
  abandonBefore(tradeId: number): number {
    const gap = this.gap
    if (!gap || tradeId <= gap.fromId) return 0
    this.#nextId = Math.min(tradeId, gap.toId + 1)
    return this.#nextId - gap.fromId
  }

  /** The exchange knows nothing newer than `newestId`: claims beyond it were false. Returns those that were held. */
  refuteAfter(newestId: number): T[] {
    const refuted = [...this.#held.values()].filter((trade) => trade.tradeId > newestId)
    for (const trade of refuted) this.#held.delete(trade.tradeId)
    this.#newestId = newestId
    return refuted
  }

  #isKnown(tradeId: number): boolean {
    return this.#nextId === undefined || tradeId < this.#nextId || this.#held.has(tradeId)
  }
}
