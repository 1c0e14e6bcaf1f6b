import { version } from "../../package.json"
import { type Config, ConfigError } from "../config/config.ts"
import { nativeCrypto as crypto } from "../crypto/native.ts"
import { fixedDocument, fixedPage } from "../http/answers.ts"
import { DISCOVERY_PATH, discoveryDocument } from "../http/discovery.ts"
import { Edge, type EdgeOptions } from "../http/edge.ts"
import { openApiDocument } from "../http/openapi/document.ts"
import { openApiPage } from "../http/openapi/page.ts"
import { operationsOf } from "../http/routes.ts"
import { ISSUER_DIRECTORY_PATH } from "../privacypass/directory.ts"
import type { RateLimits } from "../rate-limits.ts"
import { as } from "../wire/as.ts"
import { ds } from "../wire/ds.ts"
import type { TokenService } from "../wire/endpoint.ts"
import { qs } from "../wire/qs.ts"
import type { Services } from "./services.ts"
import type { Surroundings } from "./surroundings.ts"

export function composeEdge(
  { rateLimit, publicUrl, domain }: Config,
  { asService, dsService, qsService }: Services,
  { gates, directory }: RateLimits,
  boundary: number,
  {
    clock,
    report,
    sweep,
    served,
    settled,
    tls,
    pages,
  }: Surroundings & Required<Pick<EdgeOptions, "served" | "settled" | "tls">> & Pick<EdgeOptions, "pages">,
): Edge {
  const endpoints = [as, ds, qs].flatMap((table) => Object.values(table))
  const description = openApiDocument(endpoints, publicUrl, version)
  const gate = (service: TokenService) => (rateLimit ? gates[service] : undefined)
  return new Edge({
    operations: [
      ...operationsOf(as, asService.handlers, gate("as")),
      ...operationsOf(ds, dsService.handlers, gate("delivery")),
      ...operationsOf(qs, qsService.handlers, gate("delivery")),
    ],
    openStream: qsService.openStream,
    documents: {
      "/openapi.json": fixedDocument(description),
      "/openapi.html": fixedPage(openApiPage(description)),
      [DISCOVERY_PATH]: fixedDocument(discoveryDocument(domain, publicUrl)),
      ...(rateLimit && { [ISSUER_DIRECTORY_PATH]: directory }),
    },
    crypto,
    clock,
    boundary,
    report,
    served,
    settled,
    tls,
    ...(sweep && { watch: () => sweep.request() }),
    ...(pages && { pages }),
  })
}

export function listen(edge: Edge, { host, port }: Config): number {
  try {
    return edge.listen(host, port)
  } catch (error) {
    throw new ConfigError(portMistake(error, { host, port }, "--port"))
  }
}

/** Why nothing can listen there, in a sentence. */
export function portMistake(
  error: unknown,
  { host, port }: { host: string; port: number },
  flag: string,
): string {
  const code = error instanceof Error && "code" in error ? `${error.code}` : "unknown"
  if (code === "EADDRINUSE") return `port ${port} on ${host} is in use: choose another with ${flag}`
  return `the server cannot listen on port ${port} of ${host} (${code})`
}
