import { examine } from "../doctor/doctor.ts"
import type { Finding } from "../doctor/finding.ts"
import { orCouldNotLook } from "./looking.ts"
import { config as configFlag, configurationFile, everySetting, settingsFrom } from "./server-settings.ts"
import { strictCommand } from "./strict.ts"
import { paint, wrapped } from "./terminal.ts"

const FAILS = 1
const WIDTH = 100

const command = strictCommand({
  meta: {
    name: "cinder doctor",
    description:
      "Looks at what the server's promise depends on: file system, swap, core dumps, permissions, clock, TLS, domain. Says of each what it means, and what to do. It changes nothing. Call it as the server's user or root, with the settings of cinder serve. Ends with 0 if nothing failed, with 1 if something did, with 2 if it could not look.",
  },
  args: {
    ...everySetting,
    config: configFlag,
    json: { type: "boolean", description: "prints one JSON object, for programs" },
  },
  async run({ _: words, json, ...given }) {
    const config = settingsFrom(given)
    const findings = await examine({ config, configurationFile: configurationFile(given.config) })
    const failed = findings.some(({ level }) => level === "fail")
    console.log(json === true ? JSON.stringify({ ok: !failed, findings }) : asText(findings))
    process.exitCode = failed ? FAILS : 0
  },
})

export const doctor = orCouldNotLook(command)

const labels = {
  ok: paint("green", "ok  "),
  warn: paint("yellow", "warn"),
  fail: paint("red", "FAIL"),
} as const

function asText(findings: readonly Finding[]): string {
  const columns = Math.max(...findings.map(({ id }) => id.length))
  const margin = " ".repeat(columns + 10)
  const lines = findings.flatMap(({ id, level, words, promise }) => {
    const [first, ...rest] = wrapped(words, WIDTH - margin.length)
    return [
      `  ${labels[level]}  ${id.padEnd(columns)}  ${first}`,
      ...rest.map((line) => `${margin}${line}`),
      ...wrapped(promise, WIDTH - margin.length).map((line) => `${margin}${paint("dim", line)}`),
    ]
  })
  return [...lines, "", verdict(findings)].join("\n")
}

function verdict(findings: readonly Finding[]): string {
  const count = (wanted: Finding["level"]) => findings.filter(({ level }) => level === wanted).length
  const summary = `${count("ok")} well, ${count("warn")} to think about, ${count("fail")} failed`
  return paint(count("fail") > 0 ? "red" : "green", summary)
}
