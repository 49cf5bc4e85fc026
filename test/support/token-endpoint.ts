import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** An OIDC provider's token endpoint: gives tokens for client credentials. */
export interface TokenEndpoint {
  readonly url: string
  /** What it was asked, in order: the client, and the form. */
  readonly asked: { readonly authorization: string; readonly form: string }[]
  /** Answers so instead of with a token; undefined: no more. */
  fail(status: number | undefined): void
  close(): Promise<void>
}

/** A token that nobody has signed: Kafka's own validator for tests takes it. */
export function unsignedToken(subject: string, { secondsLeft }: { readonly secondsLeft: number }): string {
  const nowSeconds = Math.floor(Date.now() / 1000)
  const claims = { sub: subject, iat: nowSeconds - 3_600, exp: nowSeconds + secondsLeft }
  const parts = [{ alg: 'none' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return `${parts.join('.')}.`
}

/** Its one client is `shop` with `shop-secret`, who is `olga` at Kafka. */
export async function startTokenEndpoint({ secondsLeft = 600 } = {}): Promise<TokenEndpoint> {
  const asked: { authorization: string; form: string }[] = []
  let failing: number | undefined
  const answer = async (request: IncomingMessage): Promise<[number, object]> => {
    const { authorization = '' } = request.headers
    asked.push({ authorization, form: await text(request) })
    if (failing !== undefined) return [failing, { error: 'temporarily_unavailable' }]
    const isShop = authorization === `Basic ${Buffer.from('shop:shop-secret').toString('base64')}`
    if (!isShop) return [401, { error: 'invalid_client' }]
    return [200, { access_token: unsignedToken('olga', { secondsLeft }), expires_in: secondsLeft }]
  }
  const server = createServer(async (request, response) => {
    const [status, body] = await answer(request)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    asked,
    fail: (status) => {
      failing = status
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
