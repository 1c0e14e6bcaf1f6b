import type { PageParts } from "./bundle.ts"

/** The demo's page and what it asks for, by path. */

/** The files as a whole, or what attempts to learn more from them come to. */
export type LookKind = "files" | "audit"

export interface Look {
  /** JSON. */
  look(kind: LookKind): Promise<string>
}

export type Pages = Readonly<Record<string, (request: Request) => Promise<Response>>>

/** The page is put together when it is first asked for. */
export function demoPages(looking: Look): Pages {
  return {
    "/": async ({ headers }) =>
      answer((await parts()).html, "text/html", policyFor(headers.get("host") ?? "")),
    "/demo/page.js": async () => answer((await parts()).script, "text/javascript"),
    "/demo/page.css": async () => answer((await parts()).style, "text/css"),
    "/demo/files": async () => answer(await looking.look("files"), "application/json"),
    "/demo/audit": async () => answer(await looking.look("audit"), "application/json"),
  }
}

async function parts(): Promise<PageParts> {
  const { page } = await import("./embedded.ts")
  return page
}

/**
 * Nothing from elsewhere, and nothing to elsewhere. OPAQUE is WebAssembly, which browsers only compile with
 * `wasm-unsafe-eval`; it allows no other evaluation. Not all browsers take 'self' for WebSockets too.
 *
 * @param host - was checked to be a name and perhaps a port, and no more
 */
function policyFor(host: string): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src data:",
    `connect-src 'self' ws://${host} wss://${host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ")
}

function answer(text: string, mediaType: string, policy = "default-src 'none'"): Response {
  return new Response(text, {
    headers: {
      "content-type": `${mediaType};charset=utf-8`,
      "cache-control": "no-store",
      "content-security-policy": policy,
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "permissions-policy": "camera=(), geolocation=(), microphone=()",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    },
  })
}
