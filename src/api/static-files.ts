import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MarketKind } from './pipeline-status.ts'

export interface StaticFile {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly type: string
  readonly etag: string
}

export type PageName = 'crypto' | 'stocks'

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const publicDir = fileURLToPath(new URL('../../public', import.meta.url))
const uplotDir = dirname(createRequire(import.meta.url).resolve('uplot'))

/**
 * Everything that is served besides the API, by its path; read once. A path that is not in here does not exist, so no
 * request can reach another file.
 */
export function staticFiles(): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>()
  for (const name of readdirSync(publicDir)) {
    if (name === 'market.html') continue
    files.set(`/${name}`, staticFile(name, readFileSync(join(publicDir, name))))
  }
  for (const name of ['uPlot.esm.js', 'uPlot.min.css']) {
    files.set(`/vendor/uplot/${name}`, staticFile(name, readFileSync(join(uplotDir, name))))
  }
  return files
}

/** The page of a market: one document, told which market it shows and where its numbers come from. */
export function marketPage(
  page: PageName,
  market: { readonly kind: MarketKind; readonly label: string },
): StaticFile {
  const values: Readonly<Record<string, string>> = {
    page,
    title: page === 'crypto' ? 'Crypto' : 'Stocks',
    kind: market.kind,
    label: market.label,
  }
  const html = readFileSync(join(publicDir, 'market.html'), 'utf8')
  const filled = html.replace(/{{(\w+)}}/g, (_, name: string) => escapeHtml(values[name] ?? ''))
  return staticFile('market.html', Buffer.from(filled))
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

function staticFile(name: string, content: Buffer): StaticFile {
  return {
    bytes: Uint8Array.from(content),
    type: contentTypes[extname(name)] ?? 'application/octet-stream',
    etag: `"${createHash('sha1').update(content).digest('base64url')}"`,
  }
}
