import { map, merge } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { streamJoin } from '../../src/operators/stream-join.ts'
import { recordsOf } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { joinStore } from '../../src/state/join-store.ts'
import type { Declare } from '../../src/stream/topology.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { type JoinWindow, within } from '../../src/windows/join-window.ts'
import { Drive, out, text } from '../support/drive.ts'
import { chunk } from '../support/operator-family.ts'

const joiner = (left: string | null, right: string | null) => `${left}+${right}`

function joined(kind: 'join' | 'leftJoin' | 'outerJoin', window: JoinWindow, emitIntervalMs = 0): Drive {
  const declare = ({ stream }: Declare) => {
    const left = stream(text('l'))
    const right = stream(text('r'))
    if (kind === 'join') left.join('j', right, joiner, window).to(out)
    else if (kind === 'leftJoin') left.leftJoin('j', right, joiner, window).to(out)
    else left.outerJoin('j', right, joiner, window).to(out)
  }
  return new Drive(declare, { emitIntervalMs })
}

describe('an inner join of two streams', () => {
  test('rule 10: joins the other side from ts − before to ts + after, at the larger timestamp', () => {
    const drive = joined('join', within({ beforeMs: 5, afterMs: 10, graceMs: 100 }))
    expect(drive.step('l:a=x@100', 'r:a=1@94', 'r:a=2@95', 'r:a=3@110', 'r:a=4@111', 'r:b=5@100')).toEqual([
      [],
      [],
      ['a=x+2@100'],
      ['a=x+3@110'],
      [],
      [],
    ])
  })

  test('of a negative span the other record comes so much later; near the epoch it begins there', () => {
    const drive = joined('join', within({ beforeMs: -5, afterMs: 10, graceMs: 20 }))
    // As Kafka Streams 4.3.1 answered: at 3 the window would end at −2, and ends at 0.
    expect(
      drive.step('l:a=x@0', 'r:a=1@3', 'l:a=y@20', 'r:a=2@24', 'r:a=3@25', 'r:a=4@30', 'r:a=5@31'),
    ).toEqual([[], ['a=x+1@3'], [], [], ['a=y+3@25'], ['a=y+4@30'], []])
  })

  test('rule 17: a late record is not dropped, it finds what its other side still keeps', () => {
    const drive = joined('join', within({ ms: 10 }))
    expect(drive.step('l:a=x@0', 'l:a=y@20', 'r:a=late@5', 'r:a=in@10')).toEqual([[], [], [], ['a=y+in@20']])
    expect(drive.dropped).toBe(0)
  })

  test('rule 17: equal timestamps join only if before + after + grace > 0', () => {
    expect(joined('join', within({ ms: 0 })).step('l:a=x@10', 'r:a=y@10')).toEqual([[], []])
    expect(joined('join', within({ ms: 0, graceMs: 1 })).step('l:a=x@10', 'r:a=y@10')).toEqual([
      [],
      ['a=x+y@10'],
    ])
  })

  test('rule 10: a null key or value is dropped and counted on either side', () => {
    const drive = joined('join', within({ ms: 10 }))
    expect(drive.step('l:=x@1', 'l:a=@2', 'r:=y@3', 'r:a=@4', 'l:a=z@5').flat()).toEqual([])
    expect(drive.dropped).toBe(4)
  })

  test('rule 29: in a join of a stream with itself the left role comes first', () => {
    const drive = new Drive(({ stream }) => {
      const s = stream(text('s'))
      s.join('j', s, joiner, within({ ms: 10 })).to(out)
    })
    expect(drive.step('s:a=x@10', 's:a=y@15')).toEqual([['a=x+x@10'], ['a=y+x@15', 'a=x+y@15', 'a=y+y@15']])
  })
})

describe('a left join of two streams', () => {
  test('rule 10: an unmatched record comes once ts + after + grace is past, not at that moment', () => {
    const drive = joined('leftJoin', within({ ms: 10, graceMs: 5 }))
    expect(drive.step('l:a=x@10', 'l:b=y@25', 'l:c=z@26')).toEqual([[], [], ['a=x+null@10']])
  })

  test('rule 10: one whose window is past already, without grace, comes at once', () => {
    const drive = joined('leftJoin', within({ ms: 10, graceMs: 5 }))
    expect(drive.step('r:b=y@100', 'l:a=past@89', 'l:a=open@90', 'r:a=m@90')).toEqual([
      [],
      ['a=past+null@89'],
      [],
      ['a=past+m@90', 'a=open+m@90'],
    ])
  })

  test('rule 10: a null key on the left passes at once; on the right it is dropped', () => {
    const drive = joined('leftJoin', within({ ms: 10 }))
    expect(drive.step('l:=x@1', 'r:=y@2', 'l:a=@3')).toEqual([['=x+null@1'], [], []])
    expect(drive.dropped).toBe(2)
  })

  test('rule 20: the next look waits for the newest record that the last one passed', () => {
    const drive = joined('leftJoin', within({ ms: 10 }))
    expect(
      drive.step('l:a=x@0', 'l:b=y@1', 'l:c=z@10', 'l:d=w@11', 'r:e=v@12', 'r:e=u@21', 'l:f=s@22'),
    ).toEqual([[], [], [], ['a=x+null@0'], [], ['b=y+null@1', 'c=z+null@10'], ['d=w+null@11']])
  })

  test('rule 20: a null key moves stream time but lets nothing out', () => {
    const drive = joined('leftJoin', within({ ms: 10 }))
    expect(drive.step('l:a=x@10', 'r:=y@50', 'l:b=z@15', 'l:c=w@51')).toEqual([
      [],
      [],
      ['b=z+null@15'],
      ['a=x+null@10'],
    ])
  })

  test('rule 19: it looks once in each emit interval of wall-clock time', () => {
    const drive = joined('leftJoin', within({ ms: 10 }), 1_000)
    const steps = ['l:a=x@10', 'l:b=y@50', 'wall+999', 'l:c=z@51', 'wall+1', 'l:d=w@52']
    // The first record has looked, at nothing: that starts the interval.
    expect(drive.step(...steps)).toEqual([[], [], [], [], [], ['a=x+null@10']])
  })

  test('rule 20: a record out of order that begins to wait brings the next look forward', () => {
    const drive = joined('leftJoin', within({ ms: 10 }))
    expect(drive.step('l:a=1@5', 'l:b=2@20', 'l:c=3@21', 'l:d=4@12', 'l:e=5@23')).toEqual([
      [],
      ['a=1+null@5'],
      [],
      [],
      ['d=4+null@12'],
    ])
  })
})

describe('an outer join of two streams', () => {
  test('rule 10: unmatched records come by timestamp, right before left, then by key', () => {
    const drive = joined('outerJoin', within({ ms: 10 }))
    expect(drive.step('r:a=1@10', 'l:b=2@10', 'l:a2=3@10', 'r:b2=4@10', 'r:z=5@50').at(-1)).toEqual([
      'a=null+1@10',
      'b2=null+4@10',
      'a2=3+null@10',
      'b=2+null@10',
    ])
  })

  test('rule 10: a right record waits for ts + before', () => {
    const drive = joined('outerJoin', within({ beforeMs: 2, afterMs: 7 }))
    expect(drive.step('l:a=x@10', 'r:b=y@10', 'r:c=1@12', 'r:c=2@13', 'r:c=3@18')).toEqual([
      [],
      [],
      [],
      ['b=null+y@10'],
      ['a=x+null@10', 'c=null+1@12', 'c=null+2@13'],
    ])
  })

  test('rule 20: a look stops behind an open record of each side, and the next one waits for what it saw last', () => {
    const drive = joined('outerJoin', within({ ms: 10 }))
    const steps = [
      'l:a=1@0',
      'r:b=2@1',
      'l:c=3@3',
      'r:d=4@11',
      'r:e=5@12',
      'l:e=6@13',
      'r:f=7@14',
      'l:g=8@30',
    ]
    expect(drive.step(...steps)).toEqual([
      [],
      [],
      [],
      ['a=1+null@0'],
      [],
      ['e=6+5@13'],
      ['b=null+2@1', 'c=3+null@3'],
      ['d=null+4@11', 'f=null+7@14'],
    ])
  })

  test('rule 20: … so that what waits behind that does not put it off', () => {
    const drive = joined('outerJoin', within({ ms: 10 }))
    const waiting = ['l:a=1@0', 'l:b=2@10', 'r:c=3@11', 'l:d=4@12', 'l:e=5@13', 'l:f=6@19']
    expect(drive.step(...waiting).flat()).toEqual(['a=1+null@0'])
    expect(drive.step('r:g=7@21', 'l:h=8@24')).toEqual([
      ['b=2+null@10'],
      ['c=null+3@11', 'd=4+null@12', 'e=5+null@13'],
    ])
  })

  test('a match takes both records out of the unmatched', () => {
    const drive = joined('outerJoin', within({ ms: 10 }))
    expect(drive.step('l:a=x@10', 'r:a=y@15', 'r:b=w@100')).toEqual([[], ['a=x+y@15'], []])
  })
})

test('a join of two streams works outside of a topology: its sides know each other', () => {
  const sideOf = (name: string) =>
    joinStore<string, string>({ name, key: serdes.string, value: serdes.string, retentionMs: 20 })
  const [left, right] = streamJoin({
    window: within({ ms: 10 }),
    joiner,
    left: sideOf('l'),
    right: sideOf('r'),
  })
  marbles(({ hot, expectObservable }) => {
    const lefts = hot(' l---|', { l: chunk(['a', 'x', 100]) })
    const rights = hot('--r-|', { r: chunk(['a', 'y', 105]) })
    expectObservable(merge(lefts.pipe(left), rights.pipe(right)).pipe(map(recordsOf))).toBe('--j-|', {
      j: [{ key: 'a', value: 'x+y', timestampMs: 105, offset: 0 }],
    })
  })
})
