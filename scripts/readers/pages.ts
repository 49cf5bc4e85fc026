// So many pages of a market that are open at once, in a process of their own: RIVULET_PAGES says of which market, and for how long.
import { setTimeout as sleep } from 'node:timers/promises'

export interface PagesOptions {
  readonly url: string
  readonly pages: number
  readonly seconds: number
}

export interface PagesResult {
  /** Of each round, from the request to the last byte of the answer. */
  readonly roundsMs: readonly number[]
  readonly failed: number
}

const everyMs = 2_000

/** One page: it asks for what is newer than what it has, as the market's page does. */
class MarketReader {
  readonly #url: string
  #cursor: string | null = null
  #etag: string | null = null

  constructor(url: string) {
    this.#url = url
  }

  async round(): Promise<void> {
    const since = this.#cursor === null ? '' : `&since=${encodeURIComponent(this.#cursor)}`
    const response = await fetch(`${this.#url}api/market?limit=20&minutes=60&points=600${since}`, {
      headers: this.#etag === null ? {} : { 'if-none-match': this.#etag },
    })
    if (response.status === 304) return
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    const { cursor } = (await response.json()) as { cursor: string }
    // Another cursor is another question, of which no answer is known.
    this.#etag = cursor === this.#cursor ? response.headers.get('etag') : null
    this.#cursor = cursor
  }
}

async function read({ url, pages, seconds }: PagesOptions): Promise<PagesResult> {
  const endMs = performance.now() + seconds * 1_000
  const roundsMs: number[] = []
  let failed = 0
  const readOne = async (page: number) => {
    const reader = new MarketReader(url)
    // They were not opened at one moment.
    await sleep((page / pages) * everyMs)
    while (performance.now() < endMs) {
      const startedMs = performance.now()
      try {
        await reader.round()
        roundsMs.push(performance.now() - startedMs)
      } catch {
        failed++
      }
      await sleep(everyMs)
    }
  }
  await Promise.all(Array.from({ length: pages }, (_, page) => readOne(page)))
  return { roundsMs, failed }
}

process.send?.(await read(JSON.parse(process.env.RIVULET_PAGES ?? '') as PagesOptions))
process.disconnect()
