import { describe, expect, test } from 'vitest'
import { tlsContext, tlsRefusalOf } from '../src/tls.ts'

describe('what TLS is told', () => {
  test.for([
    [{ ca: 'none' }, "authority's certificate", 'kafkaSslCa'],
    [{ cert: 'none', key: 'none' }, "client's certificate", 'kafkaSslCert'],
    [{ key: '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----' }, "client's key", 'kafkaSslKey'],
  ] as const)('is refused where it can not be used: %j', ([options, what, parameter]) => {
    expect(() => tlsContext(options, 'kafkaSsl')).toThrow(
      expect.objectContaining({
        code: 'BAD_CONFIG',
        message: expect.stringContaining(`The ${what} for TLS can't be used`),
        place: { parameter },
      }),
    )
  })
})

test('a handshake that broke may pass; one that was refused does not', () => {
  const withCode = (code: string) => Object.assign(new Error('it failed'), { code })
  expect(tlsRefusalOf(withCode('ECONNRESET'))).toBeUndefined()
  expect(tlsRefusalOf(new Error('it failed'))).toBeUndefined()
  expect(tlsRefusalOf(withCode('CERT_HAS_EXPIRED'))?.why).toContain('has expired')
  expect(tlsRefusalOf(withCode('ERR_TLS_CERT_ALTNAME_INVALID'))).toEqual({
    why: 'has a certificate of another name: it failed',
    part: 'ServerName',
  })
})
