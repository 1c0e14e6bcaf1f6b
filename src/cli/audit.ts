import { readFileSync, writeFileSync } from "node:fs"
import { type Audit, audit, holds } from "../audit/audit.ts"
import { parseKnown } from "../audit/checks/known.ts"
import { auditDevice } from "../audit/device.ts"
import type { Snapshot } from "../audit/evidence.ts"
import { asHtml } from "../audit/html.ts"
import { asJson } from "../audit/json.ts"
import { namedAs } from "../audit/names.ts"
import { asText } from "../audit/text.ts"
import { NoTruth, parseTruth, type Truth } from "../audit/truth.ts"
import { ConfigError } from "../config/config.ts"
import { readSecrets } from "../config/secrets-file.ts"
import { nativeCrypto as crypto } from "../crypto/native.ts"
import { SlotsUnreadable } from "../veil/slot-keys.ts"
import { orCouldNotLook } from "./looking.ts"
import { Progress } from "./progress.ts"
import { strictCommand } from "./strict.ts"
import { paint } from "./terminal.ts"

const LEAKS = 1

const command = strictCommand({
  meta: {
    name: "cinder audit",
    description:
      "Plays the adversary who takes the server's files: tells what they show, and tries to learn more than is promised. Give a data directory, a backup or any SQLite file; or several from different times, oldest first. Look at a copy (cp -a) or at a server that is stopped; it only reads. Ends with 0 if the promise holds, with 1 if it does not, with 2 if it could not look.",
  },
  args: {
    known: {
      type: "string",
      description:
        "a file with things that must not be found, one a line: hex:…, base64:…, or text. Keys and messages of your own client, for instance",
    },
    truth: {
      type: "string",
      description:
        "a JSON file that says who is who, if you made the people yourself: then the attempts to link them are scored (docs/audit.md)",
    },
    secrets: {
      type: "string",
      description:
        "the secrets file of the server, if the truth is in the ids that clients know: it is used for nothing but to find out what their rows are called",
    },
    device: {
      type: "string",
      description:
        "a block device, or an image of one, instead of directories: every byte of it is searched for the --known things",
    },
    html: { type: "string", description: "writes the report as a page for people" },
    json: { type: "boolean", description: "prints one JSON object, for programs" },
  },
  words: "directories",
  run({ _: paths, known, truth, secrets, device, html, json }) {
    const things = known === undefined ? [] : readKnown(known)
    const result =
      device === undefined
        ? auditPaths(paths, things, truth, secrets)
        : auditRaw(device, things, paths.length > 0 || truth !== undefined)
    if (html !== undefined) writePage(html, asHtml(result))
    console.log(json === true ? JSON.stringify(asJson(result)) : asText(result, paint))
    process.exitCode = holds(result) ? 0 : LEAKS
  },
})

function auditPaths(
  paths: readonly string[],
  known: readonly Uint8Array[],
  truth: string | undefined,
  secrets: string | undefined,
): Audit {
  if (paths.length === 0) throw new ConfigError("audit needs a directory: cinder audit DIR")
  return audit({
    ...{ paths, known },
    truth: truth === undefined ? undefined : readTruth(truth),
    names: secrets === undefined ? undefined : naming(secrets),
  })
}

/** `more`: there is something that has no meaning for a device. */
function auditRaw(path: string, known: readonly Uint8Array[], more: boolean): Audit {
  if (more) throw new ConfigError("--device is looked at by itself, without directories and --truth")
  if (known.length === 0) throw new ConfigError("--device needs something to look for: --known FILE")
  const progress = new Progress("looking through the device")
  try {
    return auditDevice({ path, known, progress: (read, all) => progress.at(read, all) })
  } finally {
    progress.end()
  }
}

export const auditCommand = orCouldNotLook(command)

function readKnown(path: string): Uint8Array[] {
  return readParsed(path, "is no list of known things", parseKnown, SyntaxError)
}

function readTruth(path: string): Truth {
  return readParsed(path, "does not say who is who", parseTruth, NoTruth)
}

/** Calls queues and aliases as the last of the snapshots does. */
function naming(file: string): (truth: Truth, snapshot: Snapshot) => Truth {
  const { secrets } = readSecrets(crypto, file)
  return (truth, snapshot) => {
    try {
      return namedAs(crypto, truth, snapshot, secrets)
    } catch (error) {
      if (!(error instanceof SlotsUnreadable)) throw error
      throw new ConfigError(`${file} has the secrets of another server`)
    }
  }
}

/** `Malformed`: what the parser throws, which says where. */
function readParsed<T>(
  path: string,
  complaint: string,
  parse: (text: string) => T,
  Malformed: new (message: string) => Error,
): T {
  try {
    return parse(readFileSync(path, "utf8"))
  } catch (error) {
    const reason = error instanceof Malformed ? error.message : "it cannot be read"
    throw new ConfigError(`${path} ${complaint}: ${reason}`)
  }
}

function writePage(path: string, page: string): void {
  try {
    writeFileSync(path, page, { mode: 0o600 })
  } catch {
    throw new ConfigError(`the page ${path} cannot be written`)
  }
}
