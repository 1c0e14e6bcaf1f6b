import type { Reader, Writer } from "../../wire/tls.ts"

/** What a client supports; unknown values are kept and ignored (RFC 9420 section 7.2). */
export interface Capabilities {
  readonly versions: readonly number[]
  readonly cipherSuites: readonly number[]
  readonly extensions: readonly number[]
  readonly proposals: readonly number[]
  readonly credentials: readonly number[]
}

function readNumber(reader: Reader): number {
  return reader.u16()
}

function writeNumber(writer: Writer, value: number): void {
  writer.u16(value)
}

export function readCapabilities(reader: Reader): Capabilities {
  return {
    versions: reader.vector(readNumber),
    cipherSuites: reader.vector(readNumber),
    extensions: reader.vector(readNumber),
    proposals: reader.vector(readNumber),
    credentials: reader.vector(readNumber),
  }
}

export function writeCapabilities(writer: Writer, capabilities: Capabilities): void {
  writer
    .vector(capabilities.versions, writeNumber)
    .vector(capabilities.cipherSuites, writeNumber)
    .vector(capabilities.extensions, writeNumber)
    .vector(capabilities.proposals, writeNumber)
    .vector(capabilities.credentials, writeNumber)
}

/** The content of the `required_capabilities` extension (RFC 9420 section 11.1). */
export interface RequiredCapabilities {
  readonly extensions: readonly number[]
  readonly proposals: readonly number[]
  readonly credentials: readonly number[]
}

export function readRequiredCapabilities(reader: Reader): RequiredCapabilities {
  return {
    extensions: reader.vector(readNumber),
    proposals: reader.vector(readNumber),
    credentials: reader.vector(readNumber),
  }
}

export function writeRequiredCapabilities(writer: Writer, required: RequiredCapabilities): void {
  writer
    .vector(required.extensions, writeNumber)
    .vector(required.proposals, writeNumber)
    .vector(required.credentials, writeNumber)
}
