import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { answerOf } from './answer-cache.ts'
import { type StaticFile, sendFile, staticFile, staticFiles } from './static-files.ts'
import type { Web } from './web.ts'

const builtFolder = new URL('../public/', import.meta.url)

/** What the package's pages are made of: beside `dist/` without what only their readers need, beside `src/` as it is written. */
export const publicFolder = existsSync(builtFolder) ? builtFolder : new URL('../../public/', import.meta.url)

/**
 * What pages have in common, by their paths: styles, formats, polling under `/shared/`, and uPlot under `/vendor/uplot/`.
 *
 * @example
 * ```ts
 * const files = new Map([...sharedFiles(), ...staticFiles(new URL('./public', import.meta.url))])
 * ```
 */
export function sharedFiles(): ReadonlyMap<string, StaticFile> {
  const files = filesUnder('shared')
  const uplotFolder = dirname(createRequire(import.meta.url).resolve('uplot'))
  for (const name of ['uPlot.esm.js', 'uPlot.min.css'])
    files.set(`/vendor/uplot/${name}`, staticFile(name, readFileSync(join(uplotFolder, name))))
  return files
}

/** The files of a folder of the package's, under its name. */
export function filesUnder(folder: string): Map<string, StaticFile> {
  const files = staticFiles(new URL(`${folder}/`, publicFolder))
  return new Map([...files].map(([path, file]) => [`/${folder}${path}`, file]))
}

/** What a page is made of. */
export interface PageOptions {
  /** With `{{name}}` for each value, `{{base}}` before the paths of files, and `<!-- preloads -->`. */
  readonly html: string
  /** Put in as text. */
  readonly values: Readonly<Record<string, string>>
  /** What it loads, by path. */
  readonly files: ReadonlyMap<string, StaticFile>
}

/** A document, and what it loads. */
export interface Page {
  /** Filled in. */
  readonly document: StaticFile
  /** By path. */
  readonly files: ReadonlyMap<string, StaticFile>
  /** Where the document loads it from, in front of the paths: other files have another one. */
  readonly base: string
}

/**
 * Fills in a page, so that all of its modules are asked for at once, under names that are never other files'.
 *
 * @example
 * ```ts
 * const page = makePage({ html: '<title>{{title}}</title>', values: { title: 'Words' }, files: sharedFiles() })
 * ```
 */
export function makePage({ html, values, files }: PageOptions): Page {
  const version = answerOf([...files.values()].map(({ etag }) => etag).join()).etag.slice(1, 13)
  const base = `/${version}`
  // Each would be asked for when the one before is there.
  const modules = [...files.keys()].filter((path) => path.endsWith('.js'))
  const preloads = modules.map((path) => `<link rel="modulepreload" href="{{base}}${path}">`)
  const all: Readonly<Record<string, string>> = { ...values, base }
  const filled = html
    .replace('<!-- preloads -->', preloads.join('\n    '))
    .replace(/{{(\w+)}}/g, (_, name: string) => escapeHtml(all[name] ?? ''))
  return { document: staticFile('page.html', Buffer.from(filled)), files, base }
}

/** Answers a GET of each file of a page, to be kept for ever. */
export function servePageFiles(web: Web, { files, base }: Page): void {
  for (const [path, file] of files) {
    web.get(base + path, (context) => {
      context.header('cache-control', 'public, max-age=31536000, immutable')
      return sendFile(context, file)
    })
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
