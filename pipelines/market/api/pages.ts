import { readFileSync } from 'node:fs'
import { makePage, type Page, sharedFiles, staticFiles } from 'rivulet/app'

export const pageNames = ['crypto', 'stocks'] as const
export type PageName = (typeof pageNames)[number]

/** `simulated` and `replayed` markets are labelled so wherever they are seen, and never mix with real trades. */
export type MarketKind = 'live' | 'simulated' | 'replayed'

export interface MarketLabel {
  readonly kind: MarketKind
  /** Shown on the page and in the log, such as `Live · Coinbase` or `Simulated market, seed 7`. */
  readonly label: string
  /** Tells it from every other market: the program and its run, such as `crypto/simulated-7`. An HTTP header carries it. */
  readonly identity: string
}

const publicFolder = new URL('../../../public/', import.meta.url)

/** The page of a market: one document, told which market it shows and where its numbers come from. */
export function marketPage(page: PageName, { kind, label, identity }: MarketLabel): Page {
  const own = [...staticFiles(publicFolder)].filter(([path]) => /^\/[^/]+\.(js|css)$/.test(path))
  return makePage({
    html: readFileSync(new URL('market.html', publicFolder), 'utf8'),
    values: { page, title: page === 'crypto' ? 'Crypto' : 'Stocks', kind, label, identity },
    files: new Map([...sharedFiles(), ...own]),
  })
}
