/** A file of the page, such as `series.js`, in Node: those that ask nothing of a document run here, too. */
export async function pageModule<T>(name: string): Promise<T> {
  return import(new URL(`../../public/${name}`, import.meta.url).href)
}
