import { once } from 'node:events'
import { connect } from 'node:net'
import { parametersOf } from '../../src/app/parameters.ts'
import { serve } from '../../src/app/serve.ts'
import { createWeb } from '../../src/app/web.ts'
import { systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { Dice } from './support/dice.ts'
import { withInput } from './support/fuzz-target.ts'

export const name = 'api-requests'

const web = createWeb({
  pipeline: () => ({ nodes: [] }),
  ready: () => ({ ready: true }),
  metrics: async () => 'metric 1\n',
  clock: systemClock,
  logger: silentLogger,
})
web.get('/api/probe/:name', (context) => {
  const parameters = parametersOf(context)
  return context.json({
    name: context.req.param('name'),
    text: parameters.text('text'),
    limit: parameters.integer('limit', { min: 1, max: 1_000 }),
    format: parameters.oneOf('format', ['rows', 'columns']),
    from: parameters.time('from'),
  })
})
const server = await serve(web, { host: '127.0.0.1', port: 0 })

const paths = [
  '/healthz',
  '/readyz',
  '/metrics',
  '/api/pipeline',
  '/api/probe/x',
  '/api/probe/',
  '/nothing',
  '/',
  '*',
  '//h/a',
  'http://h/',
]
const strange = [
  '%',
  '%00',
  '%2e%2e/',
  '../',
  '%ff',
  '\\',
  '?',
  '&',
  '=',
  '#',
  ';',
  '\0',
  '日本',
  '__proto__',
  'a'.repeat(300),
  '%F0%9F',
]
const queries = [
  '',
  '?limit=5',
  '?limit=0',
  '?limit=1&limit=2',
  '?limit=1e3',
  '?from=2026-02-30T00:00:00Z',
  '?from=9999999999999999',
  '?format=x',
  '?text=%',
  '?text',
  '?&&',
]
const methods = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE', 'CONNECT', 'TRACE', 'get', 'BREW']
const headers = [
  ...[
    'Accept-Encoding: gzip',
    'Accept-Encoding: *;q=-1',
    'If-None-Match: *',
    'If-None-Match: "',
    'Content-Length: 0',
    'Content-Length: -1',
  ],
  ...[
    'Content-Length: 3',
    'Content-Length: 99999999',
    'Transfer-Encoding: chunked',
    'Expect: 100-continue',
    'Upgrade: websocket',
    'Range: bytes=9-1',
  ],
  ...[
    'Host: a b',
    'Cookie: =',
    'Last-Event-ID: x',
    'X: \x01',
    ': x',
    'Origin: null',
    'Authorization: Bearer',
    'Host: evil.example',
  ],
]

/** Whatever is asked over HTTP has an answer below 500, an error as JSON, or none; the next request is answered. */
export async function run(random: () => number): Promise<void> {
  const dice = new Dice(random)
  const path = dice.pick(paths) + (dice.chance(0.3) ? dice.pick(strange) : '') + dice.pick(queries)
  const lines = [
    `${dice.pick(methods)} ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    ...dice.list(3, () => dice.pick(headers)),
  ]
  const request = Buffer.from(
    `${lines.join('\r\n')}\r\n\r\n${dice.chance(0.2) ? dice.pick(['abc', '3\r\nabc\r\n0\r\n\r\n']) : ''}`,
  )
  const input = dice.chance(0.4) ? dice.mutated(request) : request
  await withInput(input, async () => {
    checkAnswer((await answerTo(input, 20)).toString('latin1'))
    const next = await answerTo(
      Buffer.from('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
      10_000,
    )
    if (!next.includes('200 OK')) throw new Error(`afterwards: ${next}`)
  })
}

async function answerTo(request: Buffer, patienceMs: number): Promise<Buffer> {
  const socket = connect(server.port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {})
  socket.write(request)
  // What is no whole request is never answered: its sender goes.
  const patience = setTimeout(() => socket.end(), patienceMs)
  await once(socket, 'close')
  clearTimeout(patience)
  return Buffer.concat(chunks)
}

function checkAnswer(answer: string): void {
  if (answer === '') return
  const headEnd = answer.indexOf('\r\n\r\n')
  const [head, body] = [answer.slice(0, headEnd), answer.slice(headEnd + 4)]
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
  if (!(status < 500)) throw new Error(`answered ${answer.slice(0, 300)}`)
  const length = /content-length: (\d+)/i.exec(head)?.[1]
  // Without a length it is compressed; without a body, of a HEAD, and then the next answer may follow.
  if (status >= 400 && length !== undefined && !/^($|HTTP)/.test(body))
    JSON.parse(body.slice(0, Number(length)))
}
