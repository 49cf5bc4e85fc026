/** What moves the cursor, changes a terminal's colours or turns the direction of text round. */
const controls = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu
/** East Asian scripts and emoji take two columns; of what lies between, too much is assumed rather than too little. */
const wide = /[\u1100-\u115f\u2e80-\uffdc\u{10000}-\u{10ffff}]|\p{Emoji_Presentation}|\ufe0f/u

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** How many columns of a terminal a text takes at most. */
export function widthOf(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1
  return width
}

/** A text, wherever it comes from, as one line of a terminal that is not wider than so many columns. */
export function fittedLine(text: string, columnsMax: number): string {
  const line = text.replaceAll(controls, ' ')
  if (widthOf(line) <= columnsMax) return line
  let width = 1 // the ellipsis
  let fitted = ''
  for (const { segment } of graphemes.segment(line)) {
    width += widthOf(segment)
    if (width > columnsMax) break
    fitted += segment
  }
  return `${fitted}…`
}
