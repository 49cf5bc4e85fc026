import { expect, test } from 'vitest'
import { TerminalBlock } from '../../../src/app/terminal/terminal-block.ts'
import { Terminal } from '../../support/terminal.ts'

function blockIn(terminal: Terminal, { isStyled = false } = {}) {
  // As stdout and stderr of a process lead to one terminal.
  const other = new Terminal()
  other._write = (chunk, encoding, written) => terminal._write(chunk, encoding, written)
  const block = new TerminalBlock({ output: terminal, others: [other], isStyled })
  return { block, other, show: (...texts: string[]) => block.show(texts.map((text) => ({ text }))) }
}

test('a block is rewritten in place, whether it becomes shorter or longer', () => {
  const terminal = new Terminal()
  const { show } = blockIn(terminal)
  show('a long line', 'b')
  show('c')
  expect(terminal.lines).toEqual(['c'])
  show('d', 'e', 'f')
  expect(terminal.lines).toEqual(['d', 'e', 'f'])
})

test('what others write passes above it, untouched, into whatever of both streams', () => {
  const terminal = new Terminal()
  const { show, other } = blockIn(terminal)
  show('block')
  terminal.write('one\n')
  other.write(Buffer.from('two\n'))
  show('block again')
  terminal.write('three\nfour\n')
  expect(terminal.lines).toEqual(['one', 'two', 'three', 'four', 'block again'])
})

test('a line that somebody has begun is not torn: the block comes back when it has ended', () => {
  const terminal = new Terminal()
  const { show } = blockIn(terminal)
  show('block')
  terminal.write('half ')
  show('block again')
  expect(terminal.lines).toEqual(['half'])
  terminal.write('a line\n')
  expect(terminal.lines).toEqual(['half a line', 'block again'])
})

test('whoever writes is told as it would be without a block', async () => {
  const terminal = new Terminal()
  const { other } = blockIn(terminal)
  const written: string[] = []
  await new Promise<void>((resolve) => other.write('a\n', () => resolve(void written.push('a'))))
  await new Promise<void>((resolve) => other.write('Yg==', 'base64', () => resolve(void written.push('b'))))
  expect(written).toEqual(['a', 'b'])
})

test('nothing wraps, and where there is no room for all, the last lines are left out', () => {
  const terminal = new Terminal({ columns: 30, rows: 6 })
  const { show } = blockIn(terminal)
  show('x'.repeat(100), '日本'.repeat(20), 'third', 'fourth')
  expect(terminal.lines).toEqual([`${'x'.repeat(28)}…`, `${'日本'.repeat(7)}…`, 'third'])
})

test.each([
  { columns: 19, rows: 24 },
  { columns: 80, rows: 5 },
])('a terminal of %o is too small for a block', (size) => {
  const terminal = new Terminal(size)
  blockIn(terminal).show('block')
  expect(terminal.text).toBe('')
})

test('a terminal that becomes narrower has no remains of the block as it was', () => {
  const terminal = new Terminal({ columns: 60 })
  const { show } = blockIn(terminal)
  terminal.write('log\n')
  show('y'.repeat(50), 'z')
  terminal.resize(24)
  expect(terminal.lines).toEqual(['log', `${'y'.repeat(22)}…`, 'z'])
})

test('closed, it has left nothing, takes nothing any more, and the streams write as before', () => {
  const terminal = new Terminal()
  const { write } = terminal
  const { block, show } = blockIn(terminal)
  show('block')
  terminal.write('log\n')
  block.close()
  expect(terminal.lines).toEqual(['log'])
  expect(terminal.write).toBe(write)
  expect(terminal.listenerCount('resize')).toBe(0)
  terminal.write('more\n')
  expect(terminal.lines).toEqual(['log', 'more'])
})

test('at every moment the cursor stands below it, at the beginning of a line, and no mode is changed', () => {
  const terminal = new Terminal()
  const { block } = blockIn(terminal, { isStyled: true })
  block.show([{ text: 'a', tone: 'strong' }, { text: 'b', tone: 'faint' }, { text: 'c' }])
  expect(terminal.cursor).toEqual({ line: 3, column: 0 })
  terminal.write('log\n')
  expect(terminal.cursor).toEqual({ line: 4, column: 0 })
  // None of `\x1b[?25l`, which hides the cursor, and its like; each tone is ended on its line.
  expect(terminal.text).not.toContain('\x1b[?')
  expect(terminal.text).toContain('\x1b[1ma\x1b[22m\x1b[K\n\x1b[2mb\x1b[22m\x1b[K\nc\x1b[K\n')
})

test('without styles there are no colours', () => {
  const terminal = new Terminal()
  const { block } = blockIn(terminal)
  block.show([{ text: 'a', tone: 'strong' }])
  expect(terminal.text).toBe('a\x1b[K\n\x1b[J')
})
