import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Context } from 'hono'
import { accepts } from 'hono/accepts'
import type { Web } from './web.ts'

/** A file to be served, as it was when it was read. */
export interface StaticFile {
  /** Its content. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Its content type. */
  readonly type: string
  /** With its quotes, as the header has it. */
  readonly etag: string
  /** The content compressed by gzip, once for all who ask; undefined: that makes it no shorter. */
  readonly gzip?: Uint8Array<ArrayBuffer> | undefined
}

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** Content to be served under this name: the extension says the type, and another one is served as plain bytes. */
export function staticFile(name: string, content: Buffer): StaticFile {
  const gzip = gzipSync(content, { level: 9 })
  return {
    bytes: Uint8Array.from(content),
    type: contentTypes[extname(name)] ?? 'application/octet-stream',
    etag: `"${createHash('sha1').update(content).digest('base64url')}"`,
    gzip: gzip.length < content.length ? Uint8Array.from(gzip) : undefined,
  }
}

/**
 * The files of a folder by their paths, such as `/page.css`; an `index.html` is its folder, `/` or `/help/`. They are
 * read once, and a path that is not among them does not exist: no request reaches another file.
 *
 * @example
 * ```ts
 * const pages = staticFiles(new URL('./public', import.meta.url))
 * program({ name: 'words', summary: 'counts words', topology: wordCount, routes: (web) => serveFiles(web, pages) })
 * ```
 */
export function staticFiles(folder: URL): ReadonlyMap<string, StaticFile> {
  const root = fileURLToPath(folder)
  const files = new Map<string, StaticFile>()
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const path = file.slice(root.replace(/[\\/]$/, '').length).replaceAll('\\', '/')
    files.set(path.replace(/\/index\.html$/, '/'), staticFile(entry.name, readFileSync(file)))
  }
  return files
}

/** Answers a GET of each path with its file. */
export function serveFiles(web: Web, files: ReadonlyMap<string, StaticFile>): void {
  for (const [path, file] of files) web.get(path, (context) => sendFile(context, file))
}

/** Answers with a file, its content type and its ETag; compressed where the client takes that. */
export function sendFile(context: Context, { bytes, type, etag, gzip }: StaticFile): Response {
  const headers = { 'content-type': type, vary: 'Accept-Encoding' }
  const takesGzip = accepts(context, {
    header: 'Accept-Encoding',
    supports: ['gzip', 'identity'],
    default: 'identity',
  })
  if (gzip === undefined || takesGzip !== 'gzip') return context.body(bytes, 200, { ...headers, etag })
  // The same content, in other bytes.
  return context.body(gzip, 200, { ...headers, etag: `W/${etag}`, 'content-encoding': 'gzip' })
}
