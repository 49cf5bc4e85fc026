import { expect, describe as suite, test } from 'vitest'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { describe, describeAsMermaid, describeAsText } from '../../src/stream/describe.ts'
import { diffTopologies } from '../../src/stream/diff.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Topology, topology } from '../../src/stream/topology.ts'
import { tumbling } from '../../src/windows/windows.ts'

const clicks = topic('clicks', { key: serdes.string, value: serdes.string })
const counts = topic('counts', { key: serdes.string, value: serdes.long })

function clicksByPage({ name = 'app', store = 'clicks per minute', retentionMs = 60_000 } = {}): Topology {
  return topology(name, ({ stream }) => {
    stream(clicks)
      .filter('real clicks', (page) => page !== '')
      .groupBy('by page', (page) => page)
      .windowedBy(tumbling({ sizeMs: 60_000 }))
      .count(store, { retentionMs })
      .toStream('updates')
      .map('to row', (count, { key }) => [key, count ?? 0])
      .to(counts)
  })
}

suite('the description of a topology', () => {
  test('has the names that its author gave, in order of declaration', () => {
    expect(describeAsText(clicksByPage())).toBe(
      [
        'Topology app',
        '  Sub-topology 0 (stream, in chunks)',
        '    clicks  [stream]',
        '    clicks → real clicks  [filter]',
        '    real clicks → by page  [groupBy]',
        '    by page → by-page-repartition  [repartition]  json → string',
        '  Sub-topology 1 (stream, in chunks)',
        '    by-page-repartition  [repartition]',
        '    by-page-repartition → clicks per minute  [count]  store clicks per minute (window, json → json, kept 60000 ms)',
        '    clicks per minute → updates  [toStream]',
        '    updates → to row  [map]',
        '    to row → to counts  [to]',
        '',
      ].join('\n'),
    )
  })

  test('is plain data that survives JSON', () => {
    const description = describe(clicksByPage())
    expect(JSON.parse(JSON.stringify(description))).toEqual(description)
  })

  test('names the serdes of topics and stores', () => {
    const nodes = describe(clicksByPage()).subTopologies.flatMap((sub) => sub.nodes)
    expect(nodes.find(({ name }) => name === 'to counts')?.written).toEqual({ key: 'string', value: 'long' })
    expect(nodes.find(({ name }) => name === 'by-page-repartition')?.written).toEqual({
      key: 'json',
      value: 'string',
    })
    expect(nodes.flatMap(({ stores }) => stores.map(({ written }) => written))).toEqual([
      { key: 'json', value: 'json' },
    ])
  })

  test('draws branches and topics as a Mermaid flowchart', () => {
    const app = topology('app', ({ stream }) => {
      const { a, b } = stream(clicks).split('by "kind"', { a: (page) => page === 'a', b: () => true })
      a.merge(b).to(clicks)
    })
    const drawn = describeAsMermaid(app)
    expect(drawn).toContain('flowchart LR')
    expect(drawn).toContain('|a|')
    expect(drawn).toContain('by #quot;kind#quot;')
    expect(drawn).toContain('[("clicks")]')
  })
})

suite('the difference between two versions', () => {
  const effects = (before: Topology, after: Topology) =>
    diffTopologies(before, after).map(({ effect, what }) => `${effect}: ${what}`)

  test('is nothing where nothing changed, also against a saved description', () => {
    expect(effects(clicksByPage(), clicksByPage())).toEqual([])
    expect(diffTopologies(JSON.parse(JSON.stringify(describe(clicksByPage()))), clicksByPage())).toEqual([])
  })

  test('breaks with a renamed store, and says so before what is safe', () => {
    const before = clicksByPage()
    const after = clicksByPage({ store: 'clicks by minute' })
    expect(effects(before, after)).toEqual([
      'breaks: the store "clicks per minute" is gone',
      'safe: the store "clicks by minute" is new',
    ])
  })

  test('breaks with another application name', () => {
    expect(effects(clicksByPage(), clicksByPage({ name: 'other' }))).toEqual([
      'breaks: the topology "app" is now "other"',
    ])
  })

  test('breaks when a store forgets sooner, and is safe when later', () => {
    const [short, long] = [clicksByPage({ retentionMs: 60_000 }), clicksByPage({ retentionMs: 600_000 })]
    expect(effects(long, short)[0]).toMatch(/^breaks: the store "clicks per minute" keeps 60000 ms/)
    expect(effects(short, long)[0]).toMatch(/^safe/)
  })

  test('breaks with another serde of a store or of a repartition topic, and moves with that of a topic', () => {
    const version = (key: Serde<string>, sum: Serde<number>, out: Serde<number>) =>
      topology('app', ({ stream }) => {
        stream(clicks)
          .groupBy('by page', (page) => page, { key })
          .count('clicks', { value: sum })
          .toStream()
          .mapValues((count) => count ?? 0)
          .to(topic('counts', { key, value: out }))
      })
    const { string, json, long, double } = serdes
    const before = version(string, long, long)
    expect(effects(before, version(json(), long, long))).toEqual([
      'breaks: the store "clicks" was written as string → long and is as json → long',
      'breaks: the repartition topic "by-page-repartition" was written as string → string and is as json → string',
      'moves: the topic "counts" was written as string → long and is as json → long',
    ])
    expect(effects(before, version(string, double, long))).toEqual([
      'breaks: the store "clicks" was written as string → long and is as string → double',
    ])
    expect(effects(before, version(string, long, double))).toEqual([
      'moves: the topic "counts" was written as string → long and is as string → double',
    ])
  })

  test('says nothing of serdes where the older description has none', () => {
    const saved = JSON.parse(
      JSON.stringify(describe(clicksByPage()), (name, value) => (name === 'written' ? undefined : value)),
    )
    expect(diffTopologies(saved, clicksByPage())).toEqual([])
  })

  test('breaks when a repartition topic goes, for records may be in it', () => {
    const direct = topology('app', ({ stream }) => {
      stream(clicks).groupByKey().count('clicks per minute')
    })
    expect(effects(clicksByPage(), direct)).toContain(
      'breaks: the repartition topic "by-page-repartition" is gone',
    )
  })
})
