import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Certificate } from './certificates.ts'

export interface HttpsFrontOptions {
  readonly certificate: Certificate
  /** Whose certificates of clients are taken; absent: none is asked for. */
  readonly clientsCa?: Certificate
  /** Of the server behind: for clients who say that their certificate is their login. */
  readonly password: string
}

/** TLS in front of an HTTP server, with logins by certificate as ClickHouse has them: the user is the certificate's name. */
export async function startHttpsFront(
  behind: string,
  { certificate, clientsCa, password }: HttpsFrontOptions,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer(
    {
      cert: readFileSync(certificate.cert),
      key: readFileSync(certificate.key),
      ...(clientsCa && { ca: readFileSync(clientsCa.cert), requestCert: true, rejectUnauthorized: true }),
    },
    (incoming, answer) => {
      const user = incoming.headers['x-clickhouse-user']
      const isLogin = incoming.headers['x-clickhouse-ssl-certificate-auth'] === 'on'
      const name = isLogin ? (incoming.socket as TLSSocket).getPeerCertificate().subject.CN : undefined
      const authorization =
        name !== undefined && name === user
          ? `Basic ${Buffer.from(`default:${password}`).toString('base64')}`
          : incoming.headers.authorization
      const { url, method } = incoming
      const headers = { ...incoming.headers, ...(authorization !== undefined && { authorization }) }
      const outgoing = request(new URL(url ?? '/', behind), { method, headers }, (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers)
        response.pipe(answer)
      })
      incoming.pipe(outgoing)
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
