import { type Clock, type Logger, messageOf, RivuletError } from 'rivulet'
import type { Product } from '../api/products.ts'
import { quoteOf, symbolOf } from '../trade.ts'
import { get } from './get.ts'
import { isFields } from './message.ts'

const timeoutMs = 10_000
/** An exchange that did not say it is asked again when somebody wants to know, but no sooner. */
const askAgainMs = 30_000

export interface ProductCatalogueOptions {
  readonly products: readonly string[]
  readonly restUrl: string
  readonly clock: Clock
  readonly logger: Logger
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch
}

/**
 * What the exchange says of the products, in their order. Never waits: whoever asks gets what is known by now, and what
 * is missing is asked of the exchange meanwhile. Source: Coinbase Exchange, "Get all known trading pairs".
 */
export function productCatalogue(options: ProductCatalogueOptions): () => readonly Product[] {
  const { products, clock } = options
  let known: readonly Product[] = products.map((product) => ({
    product,
    symbol: symbolOf(product),
    quote: quoteOf(product),
    tick: null,
    name: product,
  }))
  let askedMs = Number.NEGATIVE_INFINITY
  return () => {
    if (known.some(({ tick }) => tick === null) && clock.now() - askedMs >= askAgainMs) {
      askedMs = clock.now()
      void described(known, options).then((described) => {
        known = described
      })
    }
    return known
  }
}

async function described(
  products: readonly Product[],
  { restUrl, clock, logger, fetch }: ProductCatalogueOptions,
): Promise<readonly Product[]> {
  const url = `${restUrl.replace(/\/+$/, '')}/products`
  const refused = ({ status }: Response) => new RivuletError('SOURCE_FAILED', `${url} answered ${status}`)
  try {
    const { signal } = new AbortController()
    const answer: unknown = JSON.parse(String(await get(url, { clock, timeoutMs, signal, fetch, refused })))
    const rows = new Map((Array.isArray(answer) ? answer : []).filter(isFields).map((row) => [row.id, row]))
    return products.map((product) => {
      const { quote_increment: increment, display_name: name } = rows.get(product.product) ?? {}
      const tick = Number(increment)
      return {
        ...product,
        tick: tick > 0 && tick < Number.POSITIVE_INFINITY ? tick : product.tick,
        name: typeof name === 'string' && name !== '' ? name : product.name,
      }
    })
  } catch (error) {
    logger.debug({ error: messageOf(error) }, 'the exchange did not say what it knows of the products')
    return products
  }
}
