/** A string as an SQL literal, for the few places where ClickHouse takes no parameter (settings, clusters). */
export function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
