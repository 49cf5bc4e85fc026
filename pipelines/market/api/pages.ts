import { readFileSync } from 'node:fs'
import { transformSync } from 'esbuild'
import { makePage, type Page, type StaticFile, sharedFiles, staticFile, staticFiles } from 'rivulet/app'

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
  return makePage({
    html: readFileSync(new URL('market.html', publicFolder), 'utf8'),
    values: { page, title: page === 'crypto' ? 'Crypto' : 'Stocks', kind, label, identity },
    files: pageFiles(),
  })
}

let madeOnce: ReadonlyMap<string, StaticFile> | undefined

/** What the page loads, by its path: read and made small once. */
function pageFiles(): ReadonlyMap<string, StaticFile> {
  const own = [...staticFiles(publicFolder)].filter(([path]) => /^\/[^/]+\.(js|css)$/.test(path))
  madeOnce ??= minified(new Map([...sharedFiles(), ...own]))
  return madeOnce
}

/** Scripts and style sheets without what only their readers need; each stays a file of its own. */
function minified(files: ReadonlyMap<string, StaticFile>): ReadonlyMap<string, StaticFile> {
  const small = [...files].map(([path, file]) => {
    if (!/\.(js|css)$/.test(path)) return [path, file] as const
    const { code } = transformSync(file.bytes, {
      loader: path.endsWith('.css') ? 'css' : 'js',
      minify: true,
      charset: 'utf8',
      target: 'es2023',
      legalComments: 'inline',
    })
    return [path, staticFile(path, Buffer.from(code))] as const
  })
  return new Map(small)
}
