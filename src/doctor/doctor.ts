import { existsSync } from "node:fs"
import { ConfigError } from "../config/config.ts"
import { explaining } from "../config/private-file.ts"
import { clock } from "./clock.ts"
import { disk } from "./disk.ts"
import { files } from "./files.ts"
import type { Finding, Patient } from "./finding.ts"
import { limits } from "./limits.ts"
import { memory } from "./memory.ts"
import { reach } from "./reach.ts"
import { tls } from "./tls.ts"

const examinations = [disk, memory, files, limits, clock, tls, reach]

/**
 * Looks at everything around a server that its promise depends on. It changes nothing, and asks nobody but the server itself,
 * by its public address, and the DNS for that.
 *
 * @throws ConfigError the data or the secrets cannot be looked at
 */
export async function examine(patient: Patient): Promise<Finding[]> {
  const { dataDirectory, secretsFile } = patient.config
  for (const [name, path] of [
    ["data directory", dataDirectory],
    ["secrets file", secretsFile],
  ])
    if (!existsSync(`${path}`)) throw new ConfigError(`the ${name} ${path} is not there, or cannot be seen`)
  const findings: Finding[] = []
  for (const look of examinations) {
    const found = explaining(
      "the server's files cannot be looked at: call the doctor as the server's user or root",
      () => look(patient),
    )
    findings.push(...(await found))
  }
  return findings
}
