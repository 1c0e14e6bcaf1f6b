import { beforeEach, describe, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { aliceAndBob } from "../client/people.ts"
import { cinder, freePort, serve, temporaryDirectory } from "./process.ts"

let data: string
beforeEach(() => {
  data = join(temporaryDirectory(), "data")
})

async function observed() {
  const port = await freePort()
  const server = await serve(data, "--metrics-port", `${port}`)
  const get = (path: string, method = "GET") => fetch(`http://127.0.0.1:${port}${path}`, { method })
  return { server, port, get, scrape: async () => await (await get("/metrics")).text() }
}

/** The hour may end between two looks: then what is compared is of two hours. */
async function withinAnHour<T>(look: () => Promise<T>): Promise<T> {
  const hour = () => Math.floor(Date.now() / 3_600_000)
  for (;;) {
    const before = hour()
    const seen = await look()
    if (hour() === before) return seen
  }
}

describe("metrics of a running server", () => {
  test("are the same bytes before and after a message of the only people there", async () => {
    const { server, scrape } = await observed()
    const { alice, bob } = await aliceAndBob(server)
    let sent = 0
    const scrapes = await withinAnHour(async () => {
      const before = await scrape()
      await alice.say(`${++sent}`)
      await bob.until((person) => person.heard().length === sent)
      return [before, await scrape()]
    })
    expect(scrapes[1]).toBe(scrapes[0] as string)
    expect(scrapes[0]).toContain('cinder_requests{outcome="answered"} ')
    await Promise.all([alice.stop(), bob.stop()])
    await server.end("SIGTERM")
  }, 60_000)

  test("and health are asked for on a listener of their own, which is there only if it is wanted", async () => {
    const { server, port, get } = await observed()
    const page = await get("/metrics")
    expect(page.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
    expect(await (await get("/health")).text()).toBe("ok\n")
    expect(await (await get("/ready")).text()).toBe("ready\n")
    expect((await get("/other")).status).toBe(404)
    expect((await get("/metrics", "POST")).status).toBe(405)
    expect((await fetch(`${server.url}/metrics`)).status).toBe(404)
    const { stdout } = await server.end("SIGTERM")
    expect(stdout).toContain(`metrics and health on http://127.0.0.1:${port}\n`)
    expect(get("/health")).rejects.toThrow()
    expect(readdirSync(data).sort()).toEqual(["as.sqlite", "delivery.sqlite"])
    const without = await serve(data)
    expect(get("/metrics")).rejects.toThrow()
    expect((await without.end("SIGTERM")).stdout).not.toContain("metrics")
  })

  test("say that the server is not ready any more while it stops, and that it is alive", async () => {
    const { server, get } = await observed()
    expect((await get("/ready")).status).toBe(200)
    // A request that is under way is waited for.
    const slow = await Bun.connect({
      hostname: "127.0.0.1",
      port: server.port,
      socket: { data() {} },
    })
    slow.write(
      "POST /as/init-registration HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cbor\r\nContent-Length: 9\r\n\r\n",
    )
    await get("/health")
    const stop = server.end("SIGTERM")
    while ((await get("/ready")).status === 200);
    expect((await get("/ready")).status).toBe(503)
    expect((await get("/health")).status).toBe(200)
    slow.end()
    expect((await stop).code).toBe(0)
  })

  test("are refused with a sentence where their port is in use", async () => {
    const { server, port } = await observed()
    const where = ["--data", `${data}2`, "--domain", "example.org", "--port", "0"]
    const { code, stdout, stderr } = await cinder(["serve", ...where, "--metrics-port", `${port}`])
    expect([code, stdout]).toEqual([78, ""])
    expect(stderr).toBe(`cinder: port ${port} on 127.0.0.1 is in use: choose another with --metrics-port\n`)
    await server.end("SIGTERM")
  })
})
