import { type SettingName, settingNames, settings } from "./settings.ts"

/** Values as a configuration file may have them, by setting. */
export type SettingValues = Readonly<Partial<Record<SettingName, string | number>>>

const COMMENT_CHARACTERS_MAX = 100

/**
 * A configuration file (TOML) with every setting there is: those given are set, all others stand in a comment with the
 * value that they have anyway, which is the default or, where there is none, `derived`.
 */
export function commentedFile(given: SettingValues, derived: SettingValues): string {
  const head = comment(
    "Settings of a Cinder homeserver. What is commented out has the value that it shows. Flags of cinder serve, such as --port, win over environment variables, such as CINDER_PORT, and these over this file.",
  )
  return [head, ...settingNames.map((name) => paragraph(name, given[name], derived[name]))].join("\n")
}

function paragraph(
  name: SettingName,
  given: string | number | undefined,
  derived: string | number | undefined,
): string {
  const { description, default: fallback } = settings[name] as {
    description: string
    default?: string | number
  }
  const ends = fallback === undefined ? "" : ` (default ${fallback})`
  const value = given ?? fallback ?? derived
  const line = value === undefined ? "" : `${given === undefined ? "# " : ""}${name} = ${literal(value)}\n`
  return `${comment(`${description}${ends}`)}${line}`
}

/** A basic string of TOML is one of JSON, but for the one control character that JSON leaves as it is. */
function literal(value: string | number): string {
  return JSON.stringify(value).replaceAll("\u007f", "\\u007f")
}

function comment(text: string): string {
  const lines: string[] = []
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && longer.length <= COMMENT_CHARACTERS_MAX) lines[lines.length - 1] = longer
    else lines.push(`# ${word}`)
  }
  return lines.map((line) => `${line}\n`).join("")
}
