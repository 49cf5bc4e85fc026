import { RivuletError } from 'rivulet'
import { symbolOf } from '../trade.ts'

export interface Products {
  /** Such as `BTC-USD`. */
  readonly products: readonly string[]
  /**
   * Whether two products may have one symbol, as in a recording: each is a tape of its own, but whoever reads by symbol
   * reads both.
   */
  readonly sharedSymbols?: boolean
}

/** Throws `BAD_CONFIG` for no products, or two of one symbol. */
export function checkProducts({ products, sharedSymbols = false }: Products): void {
  if (products.length === 0) throw badProducts('PRODUCTS is empty: name at least one, such as BTC-USD')
  const bySymbol = new Map<string, string>()
  for (const product of products) {
    const other = bySymbol.get(symbolOf(product))
    if (other !== undefined && !sharedSymbols) {
      throw badProducts(`PRODUCTS has two products of one symbol: ${other} and ${product}`)
    }
    bySymbol.set(symbolOf(product), product)
  }
}

function badProducts(message: string): RivuletError {
  return new RivuletError('BAD_CONFIG', message, { place: { parameter: 'PRODUCTS' } })
}
