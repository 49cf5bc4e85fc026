/** Makes an element. Strings become text nodes, never markup: whatever comes from data is shown as text. */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (name === 'className') node.className = value
    else node.setAttribute(name, value)
  }
  node.append(...children)
  return node
}

/** Sets a node's text where it differs, so that an unchanged page is not laid out again. Returns whether it did. */
export function setText(node, text) {
  if (node.textContent === text) return false
  node.textContent = text
  return true
}

/**
 * Makes `parent` hold one child for each item, in their order: kept by key, so that focus, selection and animations
 * outlive a refresh.
 */
export function reconcile(parent, items, keyOf, create, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]))
  const wanted = items.map((item) => {
    const key = keyOf(item)
    const child = known.get(key) ?? create(item)
    child.dataset.key = key
    known.delete(key)
    update(child, item)
    return child
  })
  for (const child of known.values()) child.remove()
  for (const [i, child] of wanted.entries()) {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null)
  }
}
