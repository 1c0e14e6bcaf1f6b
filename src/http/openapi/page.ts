import { escaped } from "../../markup.ts"

/** The parts of an OpenAPI document, as document.ts makes it, that the page shows. */
interface Described {
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, { readonly description: string }>>
  }
}

interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly description: string
  readonly requestBody?: { readonly description: string; readonly content: Content }
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Content | undefined }>
  >
}

type Content = Readonly<Record<string, { readonly schema: Schema; readonly examples?: object }>>

interface Schema {
  readonly description?: string
  readonly type?: string
  readonly format?: string
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly "x-bytes-min"?: number
  readonly "x-bytes-max"?: number
}

const services: Readonly<Record<string, string>> = {
  as: "Authentication service: users, aliases, tokens",
  ds: "Delivery service: groups",
  qs: "Queuing service: pseudonyms, AddPackages, queues",
}

/** The document as a page for people: no script, nothing from elsewhere. */
export function openApiPage(document: object): string {
  const { info, paths, components } = document as Described
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const schemes = Object.entries(components.securitySchemes).map(
    ([name, { description }]) => `<h3>${escaped(name)}</h3><p>${prose(description)}</p>`,
  )
  const sections = Object.entries(services).map(([tag, title]) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(tag))
    return `<h2>${escaped(title)}</h2>${own.map(section).join("\n")}`
  })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(info.title)} ${escaped(info.version)}: operations</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(info.title)} ${escaped(info.version)}: operations</h1>
<p>${escaped(info.description)} For programs: <a href="/openapi.json">openapi.json</a>.</p>
<nav><ul>${operations.map(({ operation: { operationId } }) => `<li><a href="#${escaped(operationId)}">${escaped(operationId)}</a></li>`).join("")}</ul></nav>
<h2>How requests are signed and paid for</h2>
${schemes.join("\n")}
${sections.join("\n")}
</main>
</body>
</html>
`
}

function section({
  path,
  method,
  operation,
}: {
  readonly path: string
  readonly method: string
  readonly operation: Operation
}): string {
  const { operationId, description, requestBody, responses } = operation
  const refusals = Object.entries(responses).filter(([status]) => Number(status) >= 400)
  const answer = responses["200"]
  return `<section id="${escaped(operationId)}">
<h3>${escaped(operationId)}</h3>
<p><code>${escaped(method.toUpperCase())} ${escaped(path)}</code></p>
<p>${prose(description)}</p>
${requestBody === undefined ? "" : `<h4>Parameters</h4><p>${escaped(requestBody.description)}</p>${contents(requestBody.content)}`}
${answer === undefined ? "" : `<h4>Answer</h4><p>${escaped(answer.description)}</p>${contents(answer.content ?? {})}`}
<h4>Refusals</h4>
<table>${refusals.map(([status, refusal]) => `<tr><td>${escaped(status)}</td><td>${refusal.description.split("\n").map(prose).join("<br>")}</td></tr>`).join("")}</table>
</section>`
}

/** What is between backticks is code. */
function prose(line: string): string {
  return escaped(line).replace(/`([^`]+)`/g, "<code>$1</code>")
}

function contents(content: Content): string {
  return Object.values(content)
    .map(
      ({ schema, examples = {} }) =>
        `${described(schema)}<details><summary>Example</summary><pre>${escaped(JSON.stringify(examples, undefined, 2))}</pre></details>`,
    )
    .join("")
}

/** A list of members, with what each of them holds; nothing for what has no members. */
function described(schema: Schema): string {
  const members = Object.entries(schema.properties ?? {})
  if (members.length === 0) return ""
  const items = members.map(
    ([name, member]) =>
      `<li><code>${escaped(name)}</code>: ${escaped(kindOf(member))}${inner(member).map(described).join("")}</li>`,
  )
  return `<ul>${items.join("")}</ul>`
}

function inner(schema: Schema): readonly Schema[] {
  if (schema.items !== undefined) return [schema.items]
  return schema.anyOf ?? [schema]
}

function kindOf(schema: Schema): string {
  const words = schema.description === undefined ? "" : `, ${schema.description}`
  if (schema.const !== undefined) return `${JSON.stringify(schema.const)}${words}`
  if (schema.anyOf !== undefined) return `${schema.anyOf.map(kindOf).join(" or ")}${words}`
  if (schema.items !== undefined) {
    const { minItems = 0, maxItems } = schema
    return `list of ${range(minItems, maxItems)} × (${kindOf(schema.items)})${words}`
  }
  if (schema.format === "cbor-byte-string")
    return `${range(schema["x-bytes-min"] ?? 0, schema["x-bytes-max"])} bytes${words}`
  if (schema.type === "integer") return `integer, ${range(schema.minimum ?? 0, schema.maximum)}${words}`
  return `${schema.type ?? "anything"}${words}`
}

function range(least: number, most: number | undefined): string {
  if (most === undefined) return `at least ${least}`
  return least === most ? `${least}` : `${least} to ${most}`
}

const STYLE = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0}
main{max-width:52rem;margin:auto;padding:1rem}
code,pre{font:0.9em ui-monospace,monospace}
pre{overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
nav ul{columns:16rem;padding-left:1.2rem}
section{border-top:1px solid color-mix(in srgb,currentColor 25%,transparent);padding-top:0.5rem;margin-top:1.5rem}
td{vertical-align:top;padding:0.2rem 1rem 0.2rem 0}
h4{margin:1rem 0 0.2rem}
summary{cursor:pointer}`
