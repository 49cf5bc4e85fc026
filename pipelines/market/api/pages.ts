import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { answerOf, type StaticFile, staticFile, staticFiles } from 'rivulet/app'

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
const uplotFolder = dirname(createRequire(import.meta.url).resolve('uplot'))

/** What the pages load, by its path. */
function pageFiles(): ReadonlyMap<string, StaticFile> {
  const files = new Map(staticFiles(publicFolder))
  files.delete('/market.html')
  for (const name of ['uPlot.esm.js', 'uPlot.min.css']) {
    files.set(`/vendor/uplot/${name}`, staticFile(name, readFileSync(join(uplotFolder, name))))
  }
  return files
}

export interface MarketPage {
  readonly document: StaticFile
  /** What it loads, by its path. */
  readonly files: ReadonlyMap<string, StaticFile>
  /** Where the document loads it from, in front of the paths: other files have another one. */
  readonly base: string
}

/** The page of a market: one document, told which market it shows and where its numbers come from. */
export function marketPage(page: PageName, market: MarketLabel): MarketPage {
  const files = pageFiles()
  const version = answerOf([...files.values()].map(({ etag }) => etag).join()).etag.slice(1, 13)
  const base = `/${version}`
  const values: Readonly<Record<string, string>> = {
    page,
    title: page === 'crypto' ? 'Crypto' : 'Stocks',
    kind: market.kind,
    label: market.label,
    identity: market.identity,
    base,
  }
  const html = readFileSync(new URL('market.html', publicFolder), 'utf8')
  // All modules at once: each would be asked for when the one before is there.
  const modules = [...files.keys()].filter((path) => path.endsWith('.js'))
  const preloads = modules.map((path) => `<link rel="modulepreload" href="{{base}}${path}">`)
  const filled = html
    .replace('<!-- preloads -->', preloads.join('\n    '))
    .replace(/{{(\w+)}}/g, (_, name: string) => escapeHtml(values[name] ?? ''))
  return { document: staticFile('market.html', Buffer.from(filled)), files, base }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
