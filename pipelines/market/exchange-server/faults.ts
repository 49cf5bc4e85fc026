/** What can be scripted to go wrong on the local exchange. Each hook is asked at the moment it matters. */
export interface ExchangeFaults {
  /** True: the next connection is turned away. */
  readonly refusesConnection?: () => boolean
  /**
   * What is sent in place of this frame: nothing (dropped, silent), itself, twice, others that were kept back, bytes
   * that are no frame. A string goes as text, a buffer as it is: as text if `binary` is false.
   */
  readonly frames?: (text: string) => readonly SentFrame[]
  /** What is said instead of subscribing to this product; undefined: it is subscribed. */
  readonly rejects?: (product: string) => string | undefined
  /** True: one rejected product rejects the whole subscription. */
  readonly rejectsWhole?: boolean
  /** How many trades older than the newest one is what a subscription is answered with. Default 0. */
  readonly greetingsLagTrades?: () => number
  /** What the REST API does instead of answering, or before it. */
  readonly rest?: (url: URL) => RestFault | undefined
}

export type SentFrame = string | { readonly bytes: Buffer; readonly binary: boolean }

export interface RestFault {
  readonly delayMs?: number
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Instead of the true answer. */
  readonly body?: string
}

export interface NoisyFrames {
  /** A number in [0, 1) for each decision: a seeded one makes the noise repeatable. */
  readonly random: () => number
  /** Probabilities, each on its own. */
  readonly drop?: number
  readonly duplicate?: number
  readonly reorder?: number
  readonly garble?: number
}

/** A line that loses, doubles, swaps and garbles frames: for `ExchangeFaults.frames`. */
export function noisyFrames(options: NoisyFrames): (text: string) => readonly SentFrame[] {
  const { random, drop = 0, duplicate = 0, reorder = 0, garble = 0 } = options
  let keptBack: string[] = []
  return (text) => {
    if (random() < drop) return []
    if (random() < reorder) {
      keptBack.push(text)
      return []
    }
    const sent: SentFrame[] = [random() < garble ? garbled(text, random) : text, ...keptBack]
    keptBack = []
    if (random() < duplicate) sent.push(text)
    return sent
  }
}

function garbled(text: string, random: () => number): SentFrame {
  const bytes = Buffer.from(text)
  // A byte with the high bit set is never valid UTF-8 between ASCII: a garbled frame is never taken for a true one.
  bytes[Math.floor(random() * bytes.length)] = 0xff
  return { bytes, binary: random() < 0.2 }
}
