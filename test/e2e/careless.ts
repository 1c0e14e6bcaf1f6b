/** Loaded before the server's program: the careless server that prints what it is asked. */
import type { Serve } from "bun"

type Method = (...values: unknown[]) => unknown

const serve = Bun.serve as Method
Object.assign(Bun, {
  serve(options: Serve.Options<unknown> & { readonly fetch: Method }) {
    const fetch: Method = async (request, ...rest) => {
      const body = new Uint8Array(await (request as Request).clone().arrayBuffer())
      console.error("request", { path: new URL((request as Request).url).pathname, body: body.toBase64() })
      return await options.fetch(request, ...rest)
    }
    return serve.call(Bun, { ...options, fetch })
  },
})
