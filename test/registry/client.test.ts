import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RegistryClient } from '../../src/registry/client.ts'
import type { TlsOptions } from '../../src/tls.ts'
import { type Certificate, Certificates } from '../support/certificates.ts'
import { RegistryServer } from '../support/registry-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'rivulet-registry-'))
const pem = (file: string) => readFileSync(file, 'utf8')
let authority: Certificate
let client: Certificate
let server: RegistryServer
beforeAll(async () => {
  const certificates = new Certificates(folder)
  authority = await certificates.authority('authority')
  client = await certificates.signed('client', authority)
  const { cert, key } = await certificates.signed('registry', authority, 'DNS:registry,IP:127.0.0.1')
  const ca = pem(authority.cert)
  const own = { cert: pem(cert), key: pem(key) }
  server = await RegistryServer.start({ ...own, ca, requestCert: true, rejectUnauthorized: true })
  server.register('readings-value', { type: 'string' })
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

const ask = (tls: TlsOptions) => new RegistryClient({ url: server.url, tls }).schemaOf(1, 'readings-value')

test('speaks TLS with an authority and a certificate of its own', async () => {
  const tls = { ca: pem(authority.cert), cert: pem(client.cert), key: pem(client.key) }
  expect(await ask(tls)).toMatchObject({ schemaType: 'AVRO', schema: '{"type":"string"}' })
  await expect(ask({ ...tls, serverName: 'elsewhere' })).rejects.toThrow('has a certificate of another name')
})

test('says what is wrong with a handshake that was refused', async () => {
  const refusal = (tls: TlsOptions) => expect(ask(tls)).rejects
  await refusal({ cert: pem(client.cert), key: pem(client.key) }).toThrow('name its CA')
  await refusal({ ca: pem(authority.cert) }).toMatchObject({ code: 'REGISTRY_UNREACHABLE', retryable: true })
})

test.each([
  ['localhost:8081', 'must begin with http: or https:'],
  ['https://ann:secret@localhost', "belongs into 'auth'"],
])('refuses the address %s, and repeats no password', (url, why) => {
  const making = () => new RegistryClient({ url })
  expect(making).toThrow(
    expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringContaining(why) }),
  )
  expect(making).not.toThrow('secret')
})
