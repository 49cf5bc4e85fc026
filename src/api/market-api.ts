import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { secureHeaders } from 'hono/secure-headers'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { AnswerCache, answerOf } from './answer-cache.ts'
import { candles, type OpenCandle } from './candles.ts'
import { decodeCursor, encodeCursor, reaches } from './cursor.ts'
import { errorAnswers, errorBody, unavailable } from './error-answer.ts'
import { historyColumns, historyRows } from './history-format.ts'
import type { Cursor, MarketQueries } from './market-queries.ts'
import { badParameter, type Parameters, parametersOf } from './parameters.ts'
import type { MarketKind, PipelineStatus } from './pipeline-status.ts'
import { marketPage, type PageName, type StaticFile, staticFiles } from './static-files.ts'
import { TickFeed } from './tick-feed.ts'
import { tickStream } from './tick-stream.ts'

export interface Readiness {
  readonly ready: boolean
  readonly why?: string
}

export interface MarketApiOptions {
  /** `label` is shown on the page, such as `Live · Coinbase` or `Simulated market, seed 7`. */
  readonly market: { readonly kind: MarketKind; readonly label: string }
  readonly queries: MarketQueries
  readonly pipeline: () => PipelineStatus
  /** The minutes that are still open, from the window store, until their rows are in the table. Default: none. */
  readonly openCandles?: () => readonly OpenCandle[]
  readonly clock: Clock
  readonly logger: Logger
  /** What `/` shows. */
  readonly page: PageName
  readonly ready: () => Readiness | Promise<Readiness>
  /** Prometheus text. */
  readonly metrics: () => Promise<string>
}

/** What the server gives with each request. */
export interface ApiEnv {
  Bindings: { readonly closing?: AbortSignal }
}

const intervalsSeconds = ['60', '300', '900', '3600', '21600', '86400'] as const
const minutesMax = 100 * 366 * 1440
const minuteMs = 60_000
const bodyBytesMax = 64 * 1024
const positionSharedMs = 250
const cachedBytesMax = 16 * 1024 * 1024
const streamsMax = 500

/**
 * The market over HTTP, as the contract has it: JSON for reading, Server-Sent Events, the pages and their files.
 * Every answer to a GET has an ETag; those that only depend on the tables are not asked again while the tables stand.
 */
export function marketApi(options: MarketApiOptions): Hono<ApiEnv> {
  const { market, queries, clock, logger } = options
  const app = new Hono<ApiEnv>()
  const cache = new AnswerCache({ bytesMax: cachedBytesMax })
  const feed = new TickFeed({ queries, clock, logger })

  app.use(async (context, next) => {
    await next()
    context.header('x-rivulet-market', market.kind)
    if (!context.res.headers.has('cache-control')) context.header('cache-control', 'no-cache')
  })
  app.use(
    secureHeaders({
      contentSecurityPolicy,
      // It is served on loopback, without TLS.
      strictTransportSecurity: false,
      xFrameOptions: 'DENY',
    }),
  )
  // Around what replaces an answer: the header of a compressed one would stay on the plain one in its place.
  app.use(compress())
  app.use(methodNotAllowed({ app, onMethodNotAllowed: notAllowed }))
  const limited = bodyLimit({
    maxSize: bodyBytesMax,
    onError: (c) => c.json(errorBody('BAD_REQUEST', tooLarge), 413),
  })
  // A body without a length would be read to be measured, and nothing here takes one: it is left unread.
  app.use((context, next) => (context.req.header('content-length') ? limited(context, next) : next()))
  const tagged = etag()
  app.use((context, next) => (context.req.path === '/api/stream' ? next() : tagged(context, next)))
  const answerError = errorAnswers(logger, clock)
  app.onError((error, context) => answerError(context, error))
  app.notFound((context) => context.json(errorBody('NOT_FOUND', 'There is nothing at this path'), 404))

  // Who asks while the position is being asked for gets the same answer: many pages cost as much as a few. Not so
  // when it hangs: then a database that is back would not be noticed.
  let asking: { readonly position: Promise<Cursor>; readonly sinceMs: number } | null = null
  const positionNow = (): Promise<Cursor> => {
    if (asking && clock.now() - asking.sinceMs < positionSharedMs) return asking.position
    const asked = { position: queries.position(), sinceMs: clock.now() }
    asking = asked
    const forget = () => {
      if (asking === asked) asking = null
    }
    asked.position.then(forget, forget)
    return asked.position
  }

  /** Answers from the cache while the table of ticks stands where it stood. */
  const answer = async (
    context: Context,
    question: readonly unknown[],
    ask: () => Promise<unknown>,
    position?: Cursor,
  ) => {
    const version = encodeCursor(position ?? (await positionNow()))
    const key = JSON.stringify([context.req.path, ...question])
    return send(context, await cache.get(key, version, async () => jsonOf(await ask())))
  }

  /**
   * `minutes` before now, which in a replayed market is its newest trade. Cut to a full second, so that those who ask
   * within one second are answered by one query.
   */
  const sinceMsOf = async (minutes: number): Promise<number | null> => {
    if (minutes === 0) return null
    const nowMs =
      market.kind === 'replayed' ? await queries.newestMs() : Math.floor(clock.now() / 1000) * 1000
    return nowMs === null ? null : nowMs - minutes * minuteMs
  }

  app.get('/api/latest', (context) => {
    const symbols = parametersOf(context).symbols()
    return answer(context, [symbols], () => queries.latest(symbols))
  })

  app.get('/api/history', async (context) => {
    const parameters = parametersOf(context)
    const symbols = parameters.symbols()
    const minutes = minutesOf(parameters) ?? 60
    const pointsMax = parameters.integer('points', { min: 2, max: 100_000 })
    const after = parameters.cursor('since')
    const format = parameters.oneOf('format', ['rows', 'columns']) ?? 'rows'
    const position = await positionNow()
    // A position that was asked for before this request came may be older than its cursor.
    if (after !== null && !reaches(position, after) && !reaches(await queries.position(), after)) {
      throw badParameter('since', 'is ahead of the data: it is not a cursor of this market')
    }
    const print = format === 'columns' ? historyColumns : historyRows
    const nothingNew = after !== null && reaches(after, position)
    if (nothingNew) {
      return send(context, answerOf(print({ symbols: [], timestampsUs: [], prices: [], cursor: after })))
    }
    const sinceMs = await sinceMsOf(minutes)
    const question = [symbols, sinceMs, pointsMax, after && encodeCursor(after), format]
    return answer(
      context,
      question,
      async () => print(await queries.history({ symbols, sinceMs, after, pointsMax })),
      position,
    )
  })

  app.get('/api/candles', async (context) => {
    const parameters = parametersOf(context)
    const symbols = parameters.symbols()
    const minutes = minutesOf(parameters) ?? 60
    const intervalSeconds = Number(parameters.oneOf('interval', intervalsSeconds) ?? 60)
    const sinceMs = await sinceMsOf(minutes)
    const nowMs = (market.kind === 'replayed' ? await queries.newestMs() : null) ?? clock.now()
    const question = { symbols, sinceMs, intervalSeconds, nowMs }
    return context.json(await candles(queries, options.openCandles ?? (() => []), question))
  })

  app.get('/api/recent', (context) => {
    const parameters = parametersOf(context)
    const symbols = parameters.symbols()
    const limit = parameters.integer('limit', { min: 1, max: 1000 }) ?? 20
    return answer(context, [symbols, limit], () => queries.recent({ symbols, limit }))
  })

  app.get('/api/stats', async (context) => {
    const parameters = parametersOf(context)
    const symbols = parameters.symbols()
    const sinceMs = await sinceMsOf(minutesOf(parameters) ?? 0)
    return answer(context, [symbols, sinceMs], () => queries.stats({ symbols, sinceMs }))
  })

  app.get('/api/count', (context) => {
    const symbols = parametersOf(context).symbols()
    return answer(context, [symbols], async () => ({ count: await queries.count(symbols) }))
  })

  app.get('/api/symbols', (context) => answer(context, [], () => queries.symbols()))

  app.get('/api/stream', async (context) => {
    const parameters = parametersOf(context)
    const symbols = parameters.symbols()
    const resumed = context.req.header('last-event-id')
    const since = resumed ? decodeCursor(resumed, 'Last-Event-ID') : parameters.cursor('since')
    if (feed.listeners >= streamsMax)
      return unavailable(context, 'BUFFER_FULL', `${streamsMax} streams are open`)
    const position = await queries.position()
    if (since !== null && !reaches(position, since)) {
      throw badParameter(
        resumed ? 'Last-Event-ID' : 'since',
        'is ahead of the data: it is not of this market',
      )
    }
    return tickStream(context, { feed, from: since ?? position, symbols, closing: context.env?.closing })
  })

  app.get('/api/pipeline', (context) => context.json(options.pipeline()))

  app.get('/healthz', (context) => context.json({ alive: true }))
  app.get('/readyz', async (context) => {
    const { ready, why } = await options.ready()
    return ready ? context.json({ ready }) : unavailable(context, 'NOT_READY', why ?? 'It is still starting')
  })
  app.get('/metrics', async (context) =>
    context.body(await options.metrics(), 200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    }),
  )

  for (const [path, page] of [
    ['/', options.page],
    ['/crypto', 'crypto'],
    ['/stocks', 'stocks'],
  ] as const) {
    const file = marketPage(page, market)
    app.get(path, (context) => sendFile(context, file))
  }
  for (const [path, file] of staticFiles()) app.get(path, (context) => sendFile(context, file))

  return app
}

/** Nothing from another host, nothing inline; uPlot sets its styles through the CSSOM, which this allows. */
const contentSecurityPolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
}

const tooLarge = `A request's body may have ${bodyBytesMax} bytes`

function notAllowed(context: Context, methods: string[]): Response {
  const allow = methods.join(', ')
  return context.json(errorBody('METHOD_NOT_ALLOWED', `This path answers ${allow}`), 405, { allow })
}

function minutesOf(parameters: Parameters): number | null {
  return parameters.integer('minutes', { min: 0, max: minutesMax })
}

function jsonOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function send(
  context: Context,
  { json, etag: tag }: { readonly json: string; readonly etag: string },
): Response {
  return context.body(json, 200, { 'content-type': 'application/json', etag: tag })
}

function sendFile(context: Context, { bytes, type, etag: tag }: StaticFile): Response {
  return context.body(bytes, 200, { 'content-type': type, etag: tag })
}
