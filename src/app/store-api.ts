import { type Context, Hono } from 'hono'
import { RivuletError } from '../errors.ts'
import { type Logger, silentLogger } from '../logger.ts'
import type { Queries } from '../runtime/queries.ts'
import type { MetadataQueries } from '../runtime/streams-metadata.ts'
import { valueFromText } from '../serdes/serdes.ts'
import type { KeyValueEntry } from '../state/key-value-store.ts'
import type { WindowRow } from '../state/query.ts'
import { errorAnswers, errorBody, unavailable } from './error-answer.ts'
import { badParameter, type Parameters, parametersOf } from './parameters.ts'

/** Where the store API logs, and whom it knows. */
export interface StoreApiOptions {
  /** Told of failed requests; default: silent. */
  readonly logger?: Logger
  /**
   * Such as the running topology: then a key that another instance has is a redirect (307) to its `applicationServer`, with
   * the same path. Default: 404.
   */
  readonly hosts?: Pick<MetadataQueries, 'metadataForKey'>
}

const entriesDefault = 100
const entriesMax = 1_000
const offsetMax = 1_000_000_000

/**
 * The stores of a running topology over HTTP, to read only: mount it with `app.route('/api', storeApi(running))`. What
 * this instance has is answered; a key that another one has is 404 with the code `NOT_HERE`, or a redirect if `hosts` is
 * given. While tasks start or move, 503 with `Retry-After`. It asks nobody who they are, so no program mounts it unasked.
 *
 * - `GET /stores`: `[{name, kind: 'table'|'windows', key, size}]`
 * - `GET /stores/NAME?limit=100&offset=0`: `{entries, next_offset}`; `next_offset` is null behind the last one. Entries that
 *   come or go between two pages move the others.
 * - `GET /stores/NAME/KEY`: `{key, value, timestamp}` of a table; of windows, that start in `[from, to]` (ISO 8601 or ms):
 *   `{entries: [{key, window_start, window_end, value}], next_offset}`, with `limit` and `offset`.
 *
 * @example
 * ```ts
 * program({
 *   name: 'words',
 *   summary: 'Counts words.',
 *   topology: wordCount,
 *   routes: (web, { running }) => web.route('/api', storeApi(running)),
 * })
 * ```
 */
export function storeApi(queries: Queries, { logger = silentLogger, hosts }: StoreApiOptions = {}): Hono {
  const app = new Hono()

  const answerError = errorAnswers(logger)
  app.onError((error, context) => {
    const isEarly = error instanceof RivuletError && error.code === 'NOT_READY'
    return isEarly ? unavailable(context, error.code, error.message) : answerError(context, error)
  })

  app.get('/stores', (context) =>
    context.json(
      queries.queries().map((store) => {
        const { name, kind, key } = store
        return { name, kind, key: key.name, size: store.size() }
      }),
    ),
  )

  app.get('/stores/:name', (context) => {
    const store = storeOf(queries, context)
    if (!store) return noStore(context)
    const page = pageOf(parametersOf(context))
    const entries =
      store.kind === 'table' ? cut(store.all(), page, rowJson) : cut(store.all(), page, windowJson)
    return context.json(entries)
  })

  app.get('/stores/:name/:key', (context) => {
    const store = storeOf(queries, context)
    if (!store) return noStore(context)
    const key = keyOf(store, context.req.param('key'))
    const parameters = parametersOf(context)
    if (store.kind === 'windows') {
      const page = pageOf(parameters)
      const [fromMs, toMs] = [parameters.time('from') ?? undefined, parameters.time('to') ?? undefined]
      const windows = store.fetch(key, fromMs, toMs)
      return windows.length === 0 && !store.holds(key)
        ? elsewhere(context, hosts?.metadataForKey(store, key)?.activeHost)
        : context.json(cut(windows, page, windowJson))
    }
    const entry = store.entry(key)
    if (entry) return context.json(rowJson(entry))
    if (!store.holds(key)) return elsewhere(context, hosts?.metadataForKey(store, key)?.activeHost)
    return context.json(errorBody('NOT_FOUND', `"${store.name}" has no such key`), 404)
  })

  return app
}

type AnyQuery = ReturnType<Queries['queries']>[number]

interface Page {
  readonly offset: number
  readonly limit: number
}

function storeOf(queries: Queries, context: Context): AnyQuery | undefined {
  return queries.queries().find(({ name }) => name === context.req.param('name'))
}

function keyOf({ name, key }: AnyQuery, text: string): unknown {
  try {
    return valueFromText(key, text)
  } catch (error) {
    if (error instanceof RivuletError) throw badParameter('key', `of "${name}" is ${error.message}`)
    throw error
  }
}

function pageOf(parameters: Parameters): Page {
  return {
    offset: parameters.integer('offset', { min: 0, max: offsetMax }) ?? 0,
    limit: parameters.integer('limit', { min: 1, max: entriesMax }) ?? entriesDefault,
  }
}

function cut<T>(all: Iterable<T>, { offset, limit }: Page, json: (entry: T) => object) {
  const entries: object[] = []
  let i = 0
  for (const entry of all) {
    if (entries.length === limit) return { entries, next_offset: i }
    if (i++ >= offset) entries.push(json(entry))
  }
  return { entries, next_offset: null }
}

function rowJson({ key, value, timestampMs }: KeyValueEntry<unknown, unknown>) {
  return { key, value, timestamp: isoOf(timestampMs) }
}

function windowJson({ windowed: { key, startMs, endMs }, value }: WindowRow<unknown, unknown>) {
  return { key, window_start: isoOf(startMs), window_end: isoOf(endMs), value }
}

function isoOf(ms: number): string | number {
  const date = new Date(ms)
  // Event time is whatever its producer says; not all of it is in the calendar.
  return Number.isNaN(date.getTime()) ? ms : date.toISOString()
}

function noStore(context: Context): Response {
  return context.json(errorBody('NOT_FOUND', `There is no store "${context.req.param('name')}"`), 404)
}

/** Undefined: nobody knows where. */
function elsewhere(context: Context, host: string | undefined): Response {
  if (host !== undefined) {
    const { protocol, host: here, pathname, search } = new URL(context.req.url)
    // It is to come here, and has not come yet.
    if (host === here) return unavailable(context, 'NOT_READY', 'The key is just moving here; try again soon')
    return context.redirect(`${protocol}//${host}${pathname}${search}`, 307)
  }
  return context.json(errorBody('NOT_HERE', 'Another instance of the program has this key'), 404)
}
