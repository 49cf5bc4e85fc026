import { createHash, timingSafeEqual } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { errorBody } from './error-answer.ts'

const cookieName = 'rivulet-token'
const parameter = 'token'

/**
 * Answers only who knows the token: as `Authorization: Bearer TOKEN`; or, for a browser, once as `?token=TOKEN`, which gives it
 * a cookie and leads to the same page without it. Probes are answered all the same, but not told why something is not ready.
 */
export function askForToken(token: string): MiddlewareHandler {
  const cookie = digestOf(`cookie ${token}`).toString('base64url')
  const isKnown = (context: Context) => {
    const [, bearer] = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '') ?? []
    return isSame(bearer, token) || isSame(getCookie(context, cookieName), cookie)
  }

  return async (context, next) => {
    if (context.req.path === '/healthz' || isKnown(context)) return next()
    if (context.req.path === '/readyz') {
      await next()
      const { status } = context.res
      context.res = undefined
      context.res = context.json({ ready: status === 200 }, status === 200 ? 200 : 503)
      return
    }
    const url = new URL(context.req.url)
    if (isSame(url.searchParams.get(parameter), token)) {
      url.searchParams.delete(parameter)
      // Lax: a link on another page leads here, too, and nothing can be changed by a request.
      setCookie(context, cookieName, cookie, { httpOnly: true, sameSite: 'Lax', path: '/' })
      return context.redirect(`${url.pathname}${url.search}`, 303)
    }
    const message =
      'Send the token that this program was given, as "Authorization: Bearer TOKEN" or ?token=TOKEN'
    return context.json(errorBody('UNAUTHORIZED', message), 401, { 'www-authenticate': 'Bearer' })
  }
}

/** In a time that says nothing of where they differ, nor of how long they are. */
function isSame(given: string | null | undefined, right: string): boolean {
  return timingSafeEqual(digestOf(given ?? ''), digestOf(right))
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
