import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { serve } from '../../src/app/serve.ts'
import { serveFiles, staticFiles } from '../../src/app/static-files.ts'
import { createWeb } from '../../src/app/web.ts'
import { systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rivulet-static-'))
  writeFileSync(join(root, 'secret.txt'), 'secret')
  mkdirSync(join(root, 'public', 'help', 'deep'), { recursive: true })
  for (const [name, text] of [
    ['index.html', '<p>hello'],
    ['page.css', 'p{}'],
    ['a b.txt', 'spaced'],
    ['data.bin', 'bytes'],
    ['help/index.html', '<p>help'],
    ['help/deep/page.mjs', 'export {}'],
  ] as const)
    writeFileSync(join(root, 'public', name), text)
  symlinkSync(join(root, 'secret.txt'), join(root, 'public', 'link.txt'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function web() {
  const app = createWeb({
    pipeline: () => ({}),
    ready: () => ({ ready: true }),
    metrics: async () => '',
    clock: systemClock,
    logger: silentLogger,
  })
  serveFiles(app, staticFiles(pathToFileURL(join(root, 'public'))))
  return app
}

test.each([
  ['/', 'text/html; charset=utf-8', '<p>hello'],
  ['/page.css', 'text/css; charset=utf-8', 'p{}'],
  ['/a%20b.txt', 'text/plain; charset=utf-8', 'spaced'],
  ['/data.bin', 'application/octet-stream', 'bytes'],
  ['/help/', 'text/html; charset=utf-8', '<p>help'],
  ['/help/deep/page.mjs', 'text/javascript; charset=utf-8', 'export {}'],
])('the file at %s is served as what it is', async (path, type, text) => {
  const answer = await web().request(path)
  expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, type, text])
  const etag = answer.headers.get('etag') ?? ''
  const again = await web().request(path, { headers: { 'if-none-match': etag } })
  expect([again.status, await again.text()]).toEqual([304, ''])
})

test('a file is compressed where the client takes that, and known again by its tag', async () => {
  const text = 'p { color: red }\n'.repeat(100)
  writeFileSync(join(root, 'public', 'page.css'), text)
  const app = web()
  const compressed = await app.request('/page.css', { headers: { 'accept-encoding': 'gzip, br' } })
  expect(compressed.headers.get('content-encoding')).toBe('gzip')
  expect(gunzipSync(await compressed.arrayBuffer()).toString()).toBe(text)
  const plain = await app.request('/page.css', { headers: { 'accept-encoding': 'gzip;q=0' } })
  expect([plain.headers.get('content-encoding'), plain.headers.get('vary')]).toEqual([
    null,
    'Accept-Encoding',
  ])
  expect(await plain.text()).toBe(text)
  const etag = compressed.headers.get('etag') ?? ''
  const again = await app.request('/page.css', {
    headers: { 'accept-encoding': 'gzip', 'if-none-match': etag },
  })
  expect(again.status).toBe(304)
})

test('no other file can be reached, whatever the path', async () => {
  const server = await serve(web(), { host: '127.0.0.1', port: 0 })
  // Not `fetch`: it would tidy the paths up.
  const statusOf = (path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      request({ host: '127.0.0.1', port: server.port, path }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
        .once('error', reject)
        .end()
    })
  for (const path of [
    '/../secret.txt',
    '/help/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/help/..%5c..%5csecret.txt',
    '//secret.txt',
    '/link.txt',
    '/secret.txt',
    '/help',
    '/page.css/',
  ])
    expect([path, await statusOf(path)]).toEqual([path, 404])
  expect(await statusOf('/page.css')).toBe(200)
  await server.close()
})
