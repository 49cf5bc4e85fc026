import { expect, test } from 'vitest'
import { serdes } from '../../../src/serdes/serdes.ts'
import { describe as described } from '../../../src/stream/describe.ts'
import { topic } from '../../../src/stream/topic.ts'
import { topology } from '../../../src/stream/topology.ts'
import { pageModule } from '../../support/page-module.ts'

interface Edge {
  readonly from: string
  readonly to: string
}

interface Box {
  readonly id: string
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

interface Graph {
  readonly blocks: readonly { readonly id: string; readonly nodes: readonly { readonly id: string }[] }[]
  readonly edges: readonly (Edge & { readonly branch?: string })[]
}

const { graphOf, layersOf, placesOf } = await pageModule<{
  graphOf: (description: object) => Graph
  layersOf: (ids: readonly string[], edges: readonly Edge[]) => Map<string, number>
  placesOf: (
    graph: Graph,
    options: { widthMax: number; size: object; gap: object },
  ) => { width: number; height: number; nodes: readonly Box[]; blocks: readonly Box[] }
}>('pipeline/layout.js')

const edgesOf = (...pairs: readonly string[]) =>
  pairs.map((pair) => ({ from: pair[0] ?? '', to: pair[1] ?? '' }))

test('puts each step behind all that lead to it, and leaves out what leads back', () => {
  const layers = layersOf(['a', 'b', 'c', 'd'], edgesOf('ab', 'bc', 'ac', 'cd', 'db'))
  expect([...layers]).toEqual([
    ['a', 0],
    ['b', 1],
    ['c', 2],
    ['d', 3],
  ])
})

const words = topic('words', { key: serdes.string, value: serdes.string })
const app = topology('app', ({ stream }) => {
  const read = stream(words)
  read.groupByKey().count('counted')
  read
    .filter('not empty', (word) => word !== '')
    .to(topic('kept', { key: serdes.string, value: serdes.string }))
})

test('shows topics as blocks of their own, between those who write and those who read them', () => {
  const { blocks, edges } = graphOf(described(app))
  expect(blocks.map(({ id }) => id)).toContain('topic words')
  expect(edges.some(({ from }) => from === 'topic words')).toBe(true)
  expect(edges.some(({ to }) => to === 'topic kept')).toBe(true)
})

test.each([10_000, 900, 300])(
  'no two steps lie on each other, however wide the page is: %i px',
  (widthMax) => {
    const size = { width: 148, height: 44 }
    const { nodes, blocks, width, height } = placesOf(graphOf(described(app)), {
      widthMax,
      size,
      gap: { along: 46, across: 16 },
    })
    const overlaps = (a: Box, b: Box) =>
      a.left < b.left + b.width &&
      b.left < a.left + a.width &&
      a.top < b.top + b.height &&
      b.top < a.top + a.height
    for (const boxes of [nodes, blocks])
      for (const [i, box] of boxes.entries())
        expect(boxes.slice(i + 1).filter((other) => overlaps(box, other))).toEqual([])
    expect(Math.max(...nodes.map(({ left }) => left + size.width))).toBeLessThanOrEqual(width)
    expect(Math.max(...nodes.map(({ top }) => top + size.height))).toBeLessThanOrEqual(height)
  },
)
