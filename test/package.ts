import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { version } from "../package.json"
import { CONFIG, end, initAsSaid, OWN, refuse, rightsOf, run, step, succeeds } from "./steps.ts"

/**
 * `bun test/package.ts dist/cinder_….deb` installs the Debian package on this machine, does what its words say, runs the server as
 * the unit would, and removes everything again. It needs root, and a machine on which there is no Cinder. Ends with
 * `N passed, N failed`.
 */

const UNIT = "/usr/lib/systemd/system/cinder.service"
/** Of 10; a service without any hardening has 9.6. */
const EXPOSURE_MAX = 2

/** What the unit says about a key, each line that does. */
function unitSays(key: string): string[] {
  const lines = readFileSync(UNIT, "utf8").split("\n")
  return lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1))
}

/** Starts the server as the unit says: its user, its command, its environment, its credentials. */
async function serveAsUnit(credentials: string) {
  for (const [name, source] of unitSays("LoadCredential").map((line) => line.split(":")))
    succeeds("install", "-o", "cinder", "-m", "0400", `${source}`, join(credentials, `${name}`))
  for (const command of unitSays("ExecStartPre")) succeeds(...command.replace(/^\+/, "").split(" "))
  const inPlace = (text: string) => text.replaceAll("%d", credentials)
  const environment = unitSays("Environment").map(inPlace)
  const command = unitSays("ExecStart").flatMap((line) => inPlace(line).split(" "))
  const [user = ""] = unitSays("User")
  const words = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "env", ...environment]
  const child = Bun.spawn([...words, `CREDENTIALS_DIRECTORY=${credentials}`, ...command], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  })
  let printed = ""
  for await (const chunk of child.stdout) {
    printed += new TextDecoder().decode(chunk)
    const url = /listening on (\S+)/.exec(printed)?.[1]
    if (url !== undefined) return { child, url }
  }
  throw new Error("the server did not start")
}

async function tryPackage(file: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "cinder-package-"))
  succeeds("chmod", "755", directory)
  const credentials = join(directory, "credentials")
  succeeds("install", "-d", "-o", "root", "-m", "755", credentials)
  try {
    await step("holds root's files alone, and no settings", () => {
      const lines = succeeds("dpkg-deb", "-c", file).trim().split("\n")
      return lines.every((line) => line.includes(" root/root ") && !line.includes("./etc"))
    })
    await step("installs, and says what comes next", () =>
      succeeds("dpkg", "-i", file).includes("cinder init --config /etc/cinder/cinder.toml"),
    )
    await step("makes a user and directories, each for its owner alone", () => {
      succeeds("getent", "passwd", "cinder")
      const rights = OWN.map(rightsOf).join()
      return rights === "root 700,cinder 700,cinder 700"
    })
    await step("brings the program", () => succeeds("cinder", "--version").trim() === version)
    await step("brings a unit that systemd understands and finds hardened", () => {
      if (Bun.which("systemd-analyze") === null) return true
      const complaints = succeeds("systemd-analyze", "verify", UNIT)
      const words = succeeds("systemd-analyze", "security", "--offline=true", UNIT)
      const exposure = Number(/Overall exposure level.*: ([\d.]+)/.exec(words)?.[1])
      return complaints.trim() === "" && exposure <= EXPOSURE_MAX
    })
    await step("is set up as its words say", () => {
      initAsSaid()
      // Whatever else uses the usual port on this machine.
      writeFileSync(CONFIG, readFileSync(CONFIG, "utf8").replace(/^# port = .*$/m, "port = 0"))
      return rightsOf(CONFIG) === "root 600"
    })
    await step("serves as the unit says, and is looked after by root", () => lookAfter(credentials))
    await step("leaves a configuration alone when it is installed again", () => {
      const before = readFileSync(CONFIG, "utf8")
      const words = succeeds("dpkg", "-i", file)
      return readFileSync(CONFIG, "utf8") === before && !words.includes("cinder init")
    })
    await step("goes when it is purged, but for what is people's", () => {
      const words = succeeds("dpkg", "--purge", "cinder")
      const left = ["/etc/cinder/cinder.secrets", "/var/lib/cinder/data/as.sqlite"].every(existsSync)
      return left && words.includes("/var/lib/cinder is left as it is") && !existsSync("/usr/bin/cinder")
    })
  } finally {
    run("dpkg", "--purge", "cinder")
    for (const path of [...OWN, directory]) rmSync(path, { recursive: true, force: true })
    run("userdel", "cinder")
  }
}

async function lookAfter(credentials: string): Promise<boolean> {
  const { child, url } = await serveAsUnit(credentials)
  try {
    const answers = (await (await fetch(`${url}/health`)).text()) === "ok"
    const stats = JSON.parse(succeeds("cinder", "stats", "--config", CONFIG, "--json")) as object
    const backup = "/var/backups/cinder/first"
    succeeds("cinder", "backup", backup, "--config", CONFIG)
    const findings = run("cinder", "doctor", "--config", CONFIG, "--public-url", url)
    const failures = findings.text.split("\n").filter((line) => line.includes("FAIL  "))
    // What is under this machine's directories is no matter of the package.
    const own = failures.filter((line) => !line.includes("file-system"))
    if (own.length > 0) console.log(own.join("\n"))
    return (
      answers &&
      "seen" in stats &&
      statSync(backup).isDirectory() &&
      rightsOf(backup) === "cinder 700" &&
      own.length === 0
    )
  } finally {
    child.kill("SIGTERM")
    await child.exited
  }
}

const file = process.argv[2]
if (Bun.which("dpkg") === null || process.getuid?.() !== 0) {
  console.log("The package was not tried: that takes dpkg, and root.")
} else if (OWN.some(existsSync) || run("getent", "passwd", "cinder").code === 0) {
  refuse("The package was not tried: there is a Cinder on this machine already.")
} else if (file === undefined) {
  refuse("bun test/package.ts FILE.deb")
} else {
  await tryPackage(resolve(file))
}
end()
