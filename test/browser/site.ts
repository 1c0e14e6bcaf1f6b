import { join } from "node:path"

/**
 * A web server for the test's page, on another origin than the homeserver: as when an application and a homeserver are
 * run by different people. The policy is as strict as the library allows.
 */
export async function serveSite(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const build = await Bun.build({
    entrypoints: [join(import.meta.dir, "page.ts")],
    target: "browser",
    format: "esm",
  })
  const script = build.outputs[0]
  if (script === undefined) throw new Error("the page could not be built")
  const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "connect-src http://127.0.0.1:* ws://127.0.0.1:*",
  ].join("; ")
  const html = '<!doctype html><meta charset="utf-8"><script type="module" src="page.js"></script>'
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    routes: {
      "/": new Response(html, {
        headers: { "content-type": "text/html", "content-security-policy": policy },
      }),
      "/page.js": new Response(await script.text(), { headers: { "content-type": "text/javascript" } }),
    },
  })
  return { url: `${server.url}`, stop: () => server.stop(true) }
}
