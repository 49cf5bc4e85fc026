import { createRequire } from 'node:module'
import { RivuletError } from './errors.ts'

const require = createRequire(import.meta.url)

/**
 * A package that may be missing: its binary for this platform is one, or it is only for those who need it. Throws
 * `BAD_CONFIG` and says what to install.
 */
export function optionalPackage<T>(name: string, use: string): T {
  try {
    return require(name)
  } catch (error) {
    throw new RivuletError('BAD_CONFIG', `${use} needs the package ${name}: npm install ${name}`, {
      cause: error,
    })
  }
}
