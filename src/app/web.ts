import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { matchedRoutes, routePath } from 'hono/route'
import { secureHeaders } from 'hono/secure-headers'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { askForToken } from './access-token.ts'
import { errorAnswers, errorBody } from './error-answer.ts'
import type { Readiness } from './health.ts'
import type { AnsweredRequest } from './metrics.ts'
import { parametersOf } from './parameters.ts'

/** What a program's web answers with. */
export interface WebOptions {
  /** What every answer says in a header of its own: `{ region: 'eu' }` is `x-rivulet-region: eu`. */
  readonly labels?: Readonly<Record<string, string>>
  /** What `/api/pipeline` answers. */
  readonly pipeline: () => object
  /** What `/api/pipeline/history?since=TIME` answers: what was noted behind that moment. Default: there is no such path. */
  readonly history?: (sinceMs: number) => object
  /** What `/readyz` answers. */
  readonly ready: () => Readiness | Promise<Readiness>
  /** What the start still waits for, in a sentence: requests that fail are told so. Default: nothing. */
  readonly waitsFor?: () => string | undefined
  /** Prometheus text. */
  readonly metrics: () => Promise<string>
  /** Told of each request, when its answer begins. Default: nobody is. */
  readonly answered?: (request: AnsweredRequest) => void
  /** What requests must know, as `Authorization: Bearer TOKEN`, or a page once as `?token=TOKEN`. Default: nothing. */
  readonly accessToken?: string | undefined
  /** For how often the log says that requests fail. */
  readonly clock: Clock
  /** Told of failed requests. */
  readonly logger: Logger
}

/** What the server gives with each request. */
export interface WebEnv {
  /** By Hono's name for it. */
  Bindings: {
    /** Aborts when the server is about to close: answers without an end must end. */
    readonly closing?: AbortSignal
  }
}

/** A program over HTTP: routes are added to it as to any Hono app. */
export type Web = Hono<WebEnv>

const bodyBytesMax = 64 * 1024

/**
 * What every program answers: `/api/pipeline`, its history, `/healthz`, `/readyz`, `/metrics`, and errors as JSON. Each answer to a
 * GET has an ETag, is compressed where the client takes it, and carries headers under which a page loads nothing from
 * elsewhere and nothing inline. Under `/api/` are answers, and no pages.
 *
 * @example
 * ```ts
 * const web = createWeb({
 *   pipeline: () => running.status(),
 *   ready: () => running.ready(),
 *   metrics: async () => '',
 *   clock: systemClock,
 *   logger: silentLogger,
 * })
 * web.get('/hello', (context) => context.text('hello'))
 * ```
 */
export function createWeb(options: WebOptions): Web {
  const {
    labels = {},
    pipeline,
    history,
    ready,
    waitsFor,
    metrics,
    answered,
    accessToken,
    clock,
    logger,
  } = options
  const web: Web = new Hono()

  web.use(headAsGet(web))
  if (answered) web.use(timed(answered, clock))
  web.use(async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(labels)) context.header(`x-rivulet-${name}`, value)
    if (!context.res.headers.has('cache-control')) context.header('cache-control', 'no-cache')
  })
  web.use(secured())
  if (accessToken !== undefined) web.use(askForToken(accessToken))
  // Around what replaces an answer: the header of a compressed one would stay on the plain one in its place.
  web.use(compress())
  web.use(methodNotAllowed({ app: web, onMethodNotAllowed: notAllowed }))
  const limited = bodyLimit({
    maxSize: bodyBytesMax,
    onError: (c) => c.json(errorBody('BAD_REQUEST', tooLarge), 413),
  })
  // A body without a length would be read to be measured, and nothing here takes one: it is left unread.
  web.use((context, next) =>
    context.req.header('content-length') && hasRoute(context) ? limited(context, next) : next(),
  )
  web.use(tagged())
  const answerError = errorAnswers(logger, clock, waitsFor)
  web.onError((error, context) => answerError(context, error))
  web.notFound((context) => context.json(errorBody('NOT_FOUND', 'There is nothing at this path'), 404))

  web.get('/api/pipeline', (context) => context.json(pipeline()))
  if (history) {
    web.get('/api/pipeline/history', (context) =>
      context.json(history(parametersOf(context).time('since') ?? Number.NEGATIVE_INFINITY)),
    )
  }
  web.get('/healthz', (context) => context.json({ alive: true }))
  web.get('/readyz', async (context) => {
    const { ready: isReady, why = 'It is still starting', parts = [] } = await ready()
    if (isReady) return context.json({ ready: isReady, parts })
    const body = { ready: isReady, ...errorBody('NOT_READY', why), parts }
    return context.json(body, 503, { 'retry-after': '2' })
  })
  web.get('/metrics', async (context) =>
    context.body(await metrics(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  )
  return web
}

/**
 * Headers that keep a browser from doing what nobody meant. Most of them are about documents: what is under `/api/` goes
 * without. The path tells, for a 304 has no type, and its headers take the place of those that the browser has.
 */
function secured(): MiddlewareHandler {
  // It is served on loopback, without TLS.
  const common = { strictTransportSecurity: false }
  const ofPages = secureHeaders({ ...common, contentSecurityPolicy, xFrameOptions: 'DENY' })
  const ofData = secureHeaders({
    ...common,
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    referrerPolicy: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xFrameOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  })
  return async (context, next) => {
    await next()
    await (context.req.path.startsWith('/api/') ? ofData : ofPages)(context, async () => {})
  }
}

function timed(answered: (request: AnsweredRequest) => void, clock: Pick<Clock, 'now'>): MiddlewareHandler {
  return async (context, next) => {
    const startedMs = clock.now()
    await next()
    const { method } = context.req
    const route = context.res.status === 404 ? '' : routePath(context, -1)
    answered({ method, route, status: context.res.status, ms: clock.now() - startedMs })
  }
}

/** A longer body is not made only to be measured. */
const measuredBytesMax = 16 * 1024 * 1024

/** A HEAD is answered as its GET would be, down to the length. Hono alone leaves out what depends on the body. */
function headAsGet(web: Web): MiddlewareHandler<WebEnv> {
  return async (context, next) => {
    const { method, url, raw } = context.req
    if (method !== 'HEAD') return next()
    const full = await web.fetch(new Request(url, { headers: raw.headers }), context.env)
    const headers = new Headers(full.headers)
    const length = isEndless(full) ? await full.body?.cancel() : await lengthOf(full)
    if (length !== undefined) headers.set('content-length', String(length))
    return new Response(null, { status: full.status, headers })
  }
}

/** Undefined: it is longer than what is measured. */
async function lengthOf({ body }: Response): Promise<number | undefined> {
  let length = 0
  // Leaving the loop lets go of the rest.
  for await (const chunk of body ?? []) {
    length += chunk.byteLength
    if (length > measuredBytesMax) return undefined
  }
  return length
}

/** An ETag for every answer but a stream of events, which has no end to be read to. */
function tagged(): MiddlewareHandler {
  const tag = etag()
  return async (context, next) => {
    await next()
    if (!isEndless(context.res)) return tag(context, async () => {})
  }
}

/** Whether anything but what is around every answer is there for this method and path. */
function hasRoute(context: Context): boolean {
  return matchedRoutes(context).some(({ path }) => path !== '/*')
}

function isEndless({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('text/event-stream') ?? false
}

/** Nothing from another host, nothing inline. */
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
