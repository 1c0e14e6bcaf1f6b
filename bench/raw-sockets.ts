/** A server of Bun's that does nothing with WebSockets: what one costs at least. See idle.ts. */

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
  websocket: { message: () => undefined, perMessageDeflate: false },
})
console.log(`listening on http://127.0.0.1:${server.port}`)
