import { interval, take, timer } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { VirtualTime } from '../../../src/testing/simulation/virtual-time.ts'

const open = (work: () => void) => work()

function runOut(time: VirtualTime): void {
  while (time.step());
}

describe('virtual time', () => {
  test('passes only by steps, each to what is due next; what is due at once comes in the order it was set', () => {
    const time = new VirtualTime()
    const seen: string[] = []
    time.after(20, () => seen.push('b'))
    time.after(10, () => seen.push('a'))
    time.after(20, () => seen.push('c'))
    expect(time.elapsedMs).toBe(0)
    time.step()
    expect([time.elapsedMs, seen]).toEqual([10, ['a']])
    runOut(time)
    expect([time.elapsedMs, seen]).toEqual([20, ['a', 'b', 'c']])
    expect(time.step()).toBe(false)
  })

  test('is a scheduler of RxJS: timers, intervals, and what is unsubscribed is never due', () => {
    const time = new VirtualTime()
    const scheduler = time.scheduler(() => time.nowMs, open)
    const seen: [string, number][] = []
    interval(10, scheduler)
      .pipe(take(3))
      .subscribe((n) => seen.push([`tick ${n}`, time.elapsedMs]))
    timer(15, scheduler).subscribe(() => seen.push(['timer', time.elapsedMs]))
    timer(16, scheduler)
      .subscribe(() => seen.push(['never', time.elapsedMs]))
      .unsubscribe()
    runOut(time)
    expect(seen).toEqual([
      ['tick 0', 10],
      ['timer', 15],
      ['tick 1', 20],
      ['tick 2', 30],
    ])
  })

  test('takes no step for what was unsubscribed', () => {
    const time = new VirtualTime()
    timer(
      10,
      time.scheduler(() => time.nowMs, open),
    )
      .subscribe()
      .unsubscribe()
    time.after(20, () => {})
    time.step()
    expect(time.elapsedMs).toBe(20)
  })

  test('asks the gate when work is due, and the gate may do it later', () => {
    const time = new VirtualTime()
    const held: (() => void)[] = []
    const seen: number[] = []
    timer(
      5,
      time.scheduler(
        () => time.nowMs,
        (work) => held.push(work),
      ),
    ).subscribe(() => seen.push(time.elapsedMs))
    time.after(9, () => {
      for (const work of held) work()
    })
    runOut(time)
    expect(seen).toEqual([9])
  })
})
