import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { readText } from "../src/system-text.ts"
import { aliceAndBob, type Person } from "./client/people.ts"
import { testCertificate, testCertificateKey } from "./outgoing/certificate.ts"
import { CONFIG, end, initAsSaid, OWN, refuse, rightsOf, run, step, succeeds } from "./steps.ts"

/**
 * `bun test/systemd.ts FILE.deb` tries the package's unit under the systemd that runs here, as the words of the operator's page
 * say. It leaves behind what it made, so that it runs only where `test/systemd.sh` says that all of this goes afterwards.
 */

const PAGE = join(import.meta.dir, "../docs/operating.md")
const PLAIN = "http://127.0.0.1:8080"
const DATA = "/var/lib/cinder/data"
const BACKUP = "/var/backups/cinder/monday"
const LETSENCRYPT = "/etc/letsencrypt/live/chat.example.org"
const DROP_IN = "/etc/systemd/system/cinder.service.d"
const TRIES = 100
const TRY_MILLISECONDS = 100

async function eventually(holds: () => Promise<boolean> | boolean): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (await holds()) return true
    await Bun.sleep(TRY_MILLISECONDS)
  }
  return false
}

function answers(url = PLAIN): Promise<boolean> {
  const health = () => fetch(`${url}/health`, { tls: { ca: testCertificate } })
  return eventually(() =>
    health().then(
      async (answer) => (await answer.text()) === "ok",
      () => false,
    ),
  )
}

function property(name: string): string {
  return succeeds("systemctl", "show", "--property", name, "--value", "cinder").trim()
}

/** Of the server's process, in `/proc`. */
function processFile(name: string): string {
  return `/proc/${property("MainPID")}/${name}`
}

function users(): string {
  return succeeds("cinder", "users", "list", "--config", CONFIG)
}

/** What the server printed since its start, without what systemd says about it. */
function printed(): string[] {
  succeeds("journalctl", "--sync")
  const own = [`_SYSTEMD_INVOCATION_ID=${property("InvocationID")}`, "_TRANSPORT=stdout"]
  return succeeds("journalctl", "--quiet", "--output", "cat", ...own)
    .trim()
    .split("\n")
}

/** Whether nothing failed, and these things were found well. */
function isWell(publicUrl: string, ...ids: readonly string[]): boolean {
  const words = ["doctor", "--config", CONFIG, "--public-url", publicUrl, "--json"]
  const trusting = ["env", `NODE_EXTRA_CA_CERTS=${LETSENCRYPT}/fullchain.pem`]
  const { ok, findings } = JSON.parse(succeeds(...trusting, "cinder", ...words)) as {
    ok: boolean
    findings: { id: string; level: string }[]
  }
  const levels = new Map(findings.map(({ id, level }) => [id, level]))
  return ok && ids.every((id) => levels.get(id) === "ok")
}

/** A block of the operator's page, of the section about systemd. */
function pageSays(language: string): string {
  const section = readFileSync(PAGE, "utf8").split("### Debian and systemd\n")[1]
  const block = section?.split(`\`\`\`${language}\n`)[1]?.split("```")[0]
  if (block === undefined) throw new Error(`the page has no ${language}`)
  return block
}

function isConfined(): boolean {
  const status = readText(processFile("status"))
  const capabilities = status.match(/^Cap\w+:\t.*$/gm) ?? []
  const [, root] = / \/ \/ (\S+) /.exec(readText(processFile("mountinfo"))) ?? []
  return (
    capabilities.length === 5 &&
    capabilities.every((line) => /\t0+$/.test(line)) &&
    /^NoNewPrivs:\t1$/m.test(status) &&
    /^Seccomp:\t2$/m.test(status) &&
    root?.split(",")[0] === "ro" &&
    readlinkSync(processFile("ns/user")) !== readlinkSync("/proc/1/ns/user")
  )
}

/** Two people in a group, who go on while the server comes and goes. */
class Talk {
  readonly #alice: Person
  readonly #bob: Person
  #said = 0

  private constructor(alice: Person, bob: Person) {
    this.#alice = alice
    this.#bob = bob
  }

  static async begin(): Promise<Talk> {
    const { alice, bob } = await aliceAndBob({ url: PLAIN })
    return new Talk(alice, bob)
  }

  /** One says something, the other hears it, and the server knows both. */
  async goesOn(): Promise<boolean> {
    this.#said++
    await this.#alice.say(`${this.#said}`)
    await this.#bob.until((person) => person.heard().length >= this.#said)
    const known = users()
    return known.includes(this.#alice.user) && known.includes(this.#bob.user)
  }

  async end(): Promise<void> {
    await Promise.all([this.#alice.stop(), this.#bob.stop()])
  }
}

async function tryStart(file: string): Promise<void> {
  await step("starts as the package's words say, and the doctor finds it", async () => {
    succeeds("dpkg", "-i", file)
    initAsSaid()
    succeeds("systemctl", "enable", "--now", "cinder")
    return (await answers()) && isWell(PLAIN, "domain", "core-dumps", "permissions", "owner")
  })
  await step(
    "says that it is ready, and warns of nothing",
    () => printed().join() === `listening on ${PLAIN}`,
  )
}

async function tryConfinement(): Promise<void> {
  await step("has no privileges, a filter of system calls, and files that it cannot change", isConfined)
  await step("leaves no core, and lets nobody look into its memory", () => {
    const limits = readText(processFile("limits"))
    return /^Max core file size +0 +0 /m.test(limits) && rightsOf(processFile("mem")).startsWith("root ")
  })
  await step("has copies of configuration and secrets that no other user reads", () => {
    const copies = "/run/credentials/cinder.service"
    const asOther = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    const { text } = run(...asOther, "cat", `${copies}/cinder.secrets`)
    return (
      readdirSync(copies).sort().join() === "cinder.secrets,cinder.toml" && text.includes("Permission denied")
    )
  })
  await step("backs up where it may, and nowhere else", () => {
    succeeds("install", "-d", "-o", "cinder", "/srv/elsewhere")
    const refused = run("cinder", "backup", "/srv/elsewhere/monday", "--config", CONFIG)
    succeeds("cinder", "backup", BACKUP, "--config", CONFIG)
    return refused.text.includes("EROFS") && !existsSync("/srv/elsewhere/monday") && existsSync(BACKUP)
  })
}

async function tryRestarts(talk: Talk, file: string): Promise<void> {
  const another = async (before: string) =>
    (await eventually(() => !["0", before].includes(property("MainPID")))) && (await answers())
  await step("is there again after a restart, with all that it had", async () => {
    const before = property("MainPID")
    succeeds("systemctl", "restart", "cinder")
    return (await another(before)) && (await talk.goesOn())
  })
  await step("is started again when it is killed", async () => {
    const before = property("MainPID")
    succeeds("kill", "-KILL", before)
    return (await another(before)) && (await talk.goesOn()) && property("NRestarts") === "1"
  })
  await step("is started again when the package is upgraded", async () => {
    const before = property("MainPID")
    succeeds("dpkg", "-i", file)
    return (await another(before)) && (await talk.goesOn())
  })
  await talk.end()
}

async function tryRestore(): Promise<void> {
  await step("stops in order, and leaves its databases only", () => {
    succeeds("systemctl", "stop", "cinder")
    const files = readdirSync(DATA).sort().join()
    return property("Result") === "success" && files === "as.sqlite,delivery.sqlite"
  })
  await step("starts from a backup that root restored", async () => {
    const before = succeeds("cinder", "audit", DATA)
    succeeds("rm", "-r", DATA)
    succeeds("cinder", "restore", BACKUP, "--verify", "--config", CONFIG)
    succeeds("systemctl", "start", "cinder")
    return before.includes("The promise holds") && (await answers()) && rightsOf(DATA) === "cinder 700"
  })
}

async function tryTls(): Promise<void> {
  await step("speaks TLS itself as the page says", async () => {
    succeeds("install", "-d", "-m", "700", LETSENCRYPT, DROP_IN)
    writeFileSync(join(LETSENCRYPT, "fullchain.pem"), testCertificate)
    writeFileSync(join(LETSENCRYPT, "privkey.pem"), testCertificateKey, { mode: 0o600 })
    writeFileSync(CONFIG, `${readFileSync(CONFIG, "utf8")}\n${pageSays("toml")}`)
    writeFileSync(join(DROP_IN, "override.conf"), pageSays("ini"))
    succeeds("systemctl", "daemon-reload")
    succeeds("systemctl", "restart", "cinder")
    const url = "https://localhost"
    return (await answers(url)) && isWell(url, "tls", "domain", "permissions")
  })
  await step("is not started again and again with settings that are wrong", async () => {
    writeFileSync(CONFIG, `${readFileSync(CONFIG, "utf8")}\nnonsense = 1\n`)
    succeeds("systemctl", "restart", "cinder")
    const failed = await eventually(() => property("ActiveState") === "failed")
    return failed && property("ExecMainStatus") === "78" && property("NRestarts") === "0"
  })
}

async function tryUnit(file: string): Promise<void> {
  await tryStart(file)
  let talk: Talk | undefined
  await step("serves people who find each other and talk", async () => {
    talk = await Talk.begin()
    return await talk.goesOn()
  })
  await tryConfinement()
  if (talk !== undefined) await tryRestarts(talk, file)
  await tryRestore()
  await tryTls()
  await step("is stopped when the package is purged, and does not come again", () => {
    const process = processFile("status")
    succeeds("dpkg", "--purge", "cinder")
    const wanted = "/etc/systemd/system/multi-user.target.wants/cinder.service"
    return !existsSync(process) && !existsSync(wanted) && existsSync(`${DATA}/as.sqlite`)
  })
}

const file = process.argv[2]
if (readText("/run/systemd/container").trim() !== "cinder-test") {
  refuse("The unit was not tried: bash test/systemd.sh FILE.deb starts a systemd for it.")
} else if (OWN.some(existsSync)) {
  refuse("The unit was not tried: there is a Cinder on this machine already.")
} else if (file === undefined) {
  refuse("bun test/systemd.ts FILE.deb")
} else {
  await tryUnit(file)
}
end()
