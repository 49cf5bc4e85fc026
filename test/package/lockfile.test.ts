import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

interface LockedPackage {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  /** A folder of this project. */
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Readonly<Record<string, LockedPackage>>
}

/** Where the registry that the lockfile was made with has none of them, nobody could say what they hash to. */
const unknownHere = [
  'node_modules/@chdb/lib-darwin-arm64',
  'node_modules/@chdb/lib-darwin-x64',
  'node_modules/@chdb/lib-linux-arm64-gnu',
]

describe('the lockfile', () => {
  test('has the packages of every platform, so that npm ci works on each', () => {
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages),
      ),
    )
    expect(missing).toEqual([])
  })

  test('says what each package hashes to, but for the engines of platforms that were out of reach', () => {
    const unsure = Object.entries(packages)
      .filter(([path, { integrity, link }]) => path.includes('node_modules/') && !link && !integrity)
      .map(([path]) => path)
    expect(unsure).toEqual(unknownHere)
  })

  test('names no registry', () => {
    expect(Object.values(packages).filter(({ resolved }) => resolved?.includes(':'))).toEqual([])
  })

  test('has one copy of what the package and the application share', () => {
    expect(Object.keys(packages).filter((path) => path.startsWith('pipelines/node_modules/'))).toEqual([])
  })
})
