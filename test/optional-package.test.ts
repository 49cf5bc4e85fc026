import { expect, test } from 'vitest'
import { optionalPackage } from '../src/optional-package.ts'

test('a package that is missing is named, with how to install it', () => {
  expect(() => optionalPackage('no-such-codec', 'Writing so')).toThrow(
    expect.objectContaining({
      code: 'BAD_CONFIG',
      message: 'Writing so needs the package no-such-codec: npm install no-such-codec',
    }),
  )
})
