import { readFileSync, writeFileSync } from "node:fs"
import { audit, holds } from "../audit/audit.ts"
import { parseKnown } from "../audit/checks/known.ts"
import { asHtml } from "../audit/html.ts"
import { asJson } from "../audit/json.ts"
import { asText } from "../audit/text.ts"
import { NoTruth, parseTruth, type Truth } from "../audit/truth.ts"
import { ConfigError } from "../config/config.ts"
import { orCouldNotLook } from "./looking.ts"
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
    html: { type: "string", description: "writes the report as a page for people" },
    json: { type: "boolean", description: "prints one JSON object, for programs" },
  },
  words: "directories",
  run({ _: paths, known, truth, html, json }) {
    if (paths.length === 0) throw new ConfigError("audit needs a directory: cinder audit DIR")
    const result = audit({
      paths,
      known: known === undefined ? [] : readKnown(known),
      truth: truth === undefined ? undefined : readTruth(truth),
    })
    if (html !== undefined) writePage(html, asHtml(result))
    console.log(json === true ? JSON.stringify(asJson(result)) : asText(result, paint))
    process.exitCode = holds(result) ? 0 : LEAKS
  },
})

export const auditCommand = orCouldNotLook(command)

function readKnown(path: string): Uint8Array[] {
  return readParsed(path, "is no list of known things", parseKnown, SyntaxError)
}

function readTruth(path: string): Truth {
  return readParsed(path, "does not say who is who", parseTruth, NoTruth)
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
