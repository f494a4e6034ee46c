import { html } from 'hono/html'

type Html = ReturnType<typeof html>

export interface Page {
  readonly title: string
  readonly path: string
  readonly head?: Html
  readonly main: Html
}

const PAGES = [
  { path: '/docs', name: 'REST' },
  { path: '/docs/socket', name: 'Socket' },
  { path: '/openapi.json', name: 'openapi.json' },
  { path: '/asyncapi.json', name: 'asyncapi.json' },
] as const

/** toPage puts a part of the reference into the frame that all parts share. It loads nothing from elsewhere. */
export function toPage({ title, path, head, main }: Page): Html {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${title} · Parley</title>
  <link rel="icon" href="/docs/favicon-32x32.png">
  ${head}
  <link rel="stylesheet" href="/docs/reference.css">
</head>
<body>
  <header>
    <strong>Parley</strong>
    <nav aria-label="Reference">
      ${PAGES.map((page) => link(page, path))}
    </nav>
  </header>
  <main>${main}</main>
</body>
</html>`
}

function link({ path, name }: (typeof PAGES)[number], current: string): Html {
  return path === current
    ? html`<a href="${path}" aria-current="page">${name}</a>`
    : html`<a href="${path}">${name}</a>`
}
