import { lookup } from "node:dns/promises"
import { isIP } from "node:net"
import type { Config } from "../config/config.ts"
import { DISCOVERY_PATH } from "../http/discovery.ts"
import { type Examination, type Finding, fail, ok, warn } from "./finding.ts"

const TIMEOUT_MILLISECONDS = 5000
const CLOCK_DIFFERENCE_SECONDS_MAX = 2

/** Whether clients find the server under its name; that it does not run is no failure. */
export const reach: Examination = async ({ config }) => {
  const host = new URL(config.publicUrl).hostname.replace(/^\[|\]$/g, "")
  if (isIP(host) === 0 && !(await resolves(host))) return [unresolved(host)]
  const answer = await ask(`${config.publicUrl}${DISCOVERY_PATH}`)
  if (answer === undefined) return [silent(config)]
  return [identity(config, answer.text), proxyTime(answer.date, Date.now())]
}

interface Answer {
  readonly text: string
  /** The Date header, if there is one. */
  readonly date: string | null
}

async function resolves(host: string): Promise<boolean> {
  return await lookup(host).then(
    () => true,
    () => false,
  )
}

async function ask(url: string): Promise<Answer | undefined> {
  try {
    const response = await fetch(url, {
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    })
    return { text: response.ok ? await response.text() : "", date: response.headers.get("date") }
  } catch {
    return undefined
  }
}

const nothing = "Nothing is learned by it; but nobody reaches the server."

function unresolved(host: string): Finding {
  return warn("domain", `${host} has no address here: enter it in the DNS, or set public-url`, nothing)
}

function silent({ publicUrl }: Config): Finding {
  return warn(
    "domain",
    `nothing answers at ${publicUrl}: start server and proxy, and look again; or its certificate is not trusted here`,
    nothing,
  )
}

function identity({ domain, publicUrl }: Config, text: string): Finding {
  const id = "domain"
  const found = domainOf(text)
  if (found === domain) return ok(id, `${publicUrl} is the server of ${domain}`, "Clients reach this server.")
  const words =
    found === undefined
      ? `what answers at ${publicUrl} is no Cinder, or the proxy does not pass ${DISCOVERY_PATH} on`
      : `what answers at ${publicUrl} is another server than that of ${domain}`
  return fail(id, words, "Clients talk to somebody else, who may be an adversary.")
}

function domainOf(text: string): string | undefined {
  try {
    const { domain } = JSON.parse(text) as { domain?: unknown }
    return typeof domain === "string" ? domain : undefined
  } catch {
    return undefined
  }
}

/** Clients sign with the time that the answer's header says; `now` in milliseconds. */
export function proxyTime(date: string | null, now: number): Finding {
  const id = "proxy-time"
  const promise = "Clients whose signatures are from the future are refused, again and again."
  const seconds = date === null ? Number.NaN : Math.abs(Date.parse(date) - now) / 1000
  if (Number.isNaN(seconds))
    return fail(id, "answers have no Date header any more: let the proxy pass on Cinder's", promise)
  if (seconds > CLOCK_DIFFERENCE_SECONDS_MAX) {
    return fail(
      id,
      `the Date header of answers is ${Math.round(seconds)} s away from the clock here: let the proxy pass on Cinder's`,
      promise,
    )
  }
  return ok(id, "answers bear the time of this machine", promise)
}
