import { expect, test } from 'vitest'
import { pageModule } from '../support/page-module.ts'

interface View {
  readonly min: number
  readonly max: number
}
type Moved = View | null | undefined

interface Wheel {
  readonly deltaX: number
  readonly deltaY: number
  readonly ctrlKey: boolean
}

const { afterKey, afterWheel } = await pageModule<{
  afterKey: (event: { key: string; ctrlKey?: boolean }, view: View | null, shown: View) => Moved
  afterWheel: (event: Wheel, at: number, view: View | null, shown: View) => Moved
}>('view.js')

const shown = { min: 1_000, max: 2_000 }
const key = (key: string, view: View | null) => afterKey({ key }, view, shown)

test('goes to what is older without an end, and to what is newer up to the newest', () => {
  expect(key('ArrowLeft', null)).toEqual({ min: 800, max: 1_800 })
  expect(key('ArrowLeft', { min: 0, max: 100 })).toEqual({ min: -20, max: 80 })
  expect(key('ArrowRight', { min: 1_800, max: 1_900 })).toEqual({ min: 1_820, max: 1_920 })
  expect(key('ArrowRight', { min: 1_890, max: 1_990 })).toEqual({ min: 1_900, max: 2_000 })
  expect(key('ArrowRight', null)).toBeNull()
})

test('zooms by + and −, no closer than ten seconds, and out to all that is shown', () => {
  expect(key('+', { min: 1_400, max: 1_700 })).toEqual({ min: 1_500, max: 1_700 })
  expect(key('=', { min: 1_400, max: 1_700 })).toEqual({ min: 1_500, max: 1_700 })
  expect(key('+', { min: 1_990, max: 2_000 })).toEqual({ min: 1_990, max: 2_000 })
  expect(key('-', { min: 1_500, max: 1_700 })).toEqual({ min: 1_400, max: 1_700 })
  expect(key('-', { min: 1_100, max: 2_000 })).toBeNull()
  expect(key('-', null)).toBeNull()
})

test('goes to the newest by Home, and to all that is shown by Escape', () => {
  expect(key('Home', { min: 0, max: 100 })).toEqual({ min: 1_900, max: 2_000 })
  expect(key('Home', null)).toBeNull()
  expect(key('Escape', { min: 0, max: 100 })).toBeNull()
})

test("leaves the browser's keys and the page's scrolling alone", () => {
  expect(key('Tab', null)).toBeUndefined()
  expect(afterKey({ key: '+', ctrlKey: true }, null, shown)).toBeUndefined()
  expect(afterWheel({ deltaX: 0, deltaY: 100, ctrlKey: false }, 0.5, null, shown)).toBeUndefined()
})

test('follows the wheel sideways, and with Ctrl zooms to where the pointer is', () => {
  expect(afterWheel({ deltaX: -50, deltaY: 3, ctrlKey: false }, 0.5, null, shown)).toEqual({
    min: 900,
    max: 1_900,
  })
  expect(afterWheel({ deltaX: 0, deltaY: -100, ctrlKey: true }, 0.25, null, shown)).toEqual({
    min: 1_125,
    max: 1_625,
  })
})
