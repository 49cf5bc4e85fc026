import { type Server, STATUS_CODES } from 'node:http'
import { errorBody } from './error-answer.ts'
import type { Served } from './serve.ts'

/** Answers to requests that do not get as far as the app. */
export interface Refusals {
  answer(status: number, message?: string): Response
  /** As bytes, where there is no request to answer: the connection is closed behind it. */
  bytes(status: number): string
}

/** They have the headers that the app sets on each answer of its own. */
export async function refusalsOf(app: Served): Promise<Refusals> {
  const { headers: all } = await app.request('/healthz', { method: 'HEAD' })
  const own = [...all].filter(([name]) => !/^(content-(type|length|encoding)|etag|vary)$/.test(name))
  const headers = { ...Object.fromEntries(own), 'content-type': 'application/json' }
  const bodyOf = (status: number, message = STATUS_CODES[status] ?? 'Bad Request') =>
    JSON.stringify(errorBody('BAD_REQUEST', message))
  return {
    answer: (status, message) => new Response(bodyOf(status, message), { status, headers }),
    bytes: (status) => {
      const body = bodyOf(status)
      const fields = Object.entries({
        ...headers,
        connection: 'close',
        'content-length': String(body.length),
      })
      const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...fields.map((field) => field.join(': '))]
      return `${lines.join('\r\n')}\r\n\r\n${body}`
    },
  }
}

/** Answers what the server itself takes for no request: headers that are too long, or too long in coming, and bytes that are no HTTP. */
export function answerMistakes(server: Server, refusals: Refusals): void {
  server.on('checkExpectation', ({ socket }) => socket.end(refusals.bytes(417), () => socket.destroy()))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) {
      socket.destroy()
      return
    }
    const status =
      error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
    // The other side may go on sending for as long as it likes.
    socket.end(refusals.bytes(status), () => socket.destroy())
  })
}
