import { readdirSync, readFileSync } from 'node:fs'
import * as operators from 'rivulet/operators'
import { expect, test } from 'vitest'

test('the entry point has the operator of each file', () => {
  const names = readdirSync('src/operators')
    .map((file) => readFileSync(`src/operators/${file}`, 'utf8'))
    .filter((code) => code.includes('OperatorFunction<'))
    .map((code) => /^export function (\w+)/m.exec(code)?.[1])
  expect(names).toEqual(expect.arrayContaining(['aggregate', 'map', 'streamJoin', 'toStream']))
  expect(Object.keys(operators)).toEqual(expect.arrayContaining(names))
})
