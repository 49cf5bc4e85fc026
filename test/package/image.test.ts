import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const dockerfile = readFileSync('Dockerfile', 'utf8')

/** What the image is made of, as `COPY` names it. */
const copied = dockerfile
  .split('\n')
  .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
  .flatMap((line) => line.split(' ').slice(1, -1))

describe('the image', () => {
  test('is made of files that are there, and that the build is given', () => {
    const given = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
    expect(copied.filter((path) => !existsSync(path))).toEqual([])
    expect(
      copied.filter((path) => !given.some((each) => `${path}/`.startsWith(`${each.slice(1)}/`))),
    ).toEqual([])
  })

  test('has a Node of one version, no development dependencies, and no root', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)
    expect(new Set(bases).size).toBe(1)
    expect(bases[0]).toMatch(/^node:\d+\.\d+\.\d+-/)
    expect(dockerfile).toContain('npm ci --omit=dev')
    expect(dockerfile).toMatch(/^USER node$/m)
  })

  test('is composed with no password that everybody knows', () => {
    const passwords = [...readFileSync('compose.yaml', 'utf8').matchAll(/PASSWORD: (.+)/g)].map(
      ([, value]) => value,
    )
    expect(passwords).toHaveLength(2)
    expect(passwords.filter((value) => !value?.startsWith('${CLICKHOUSE_PASSWORD'))).toEqual([])
  })
})
