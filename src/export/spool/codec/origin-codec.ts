import { randomBytes } from 'node:crypto';

import type { ReadableLogRecord } from '../../../otel/log-record.ts';
import { MalformedPayloadError, PayloadReader } from './payload-reader.ts';
import { PayloadWriter, POOL_ENCODING } from './payload-writer.ts';
import { readSafely, toPlainValue } from './plain-value.ts';

export type Resource = ReadableLogRecord['resource'];
export type Scope = ReadableLogRecord['instrumentationScope'];

/** Bytes in front of a stand-alone value: pool encoding, structure length, pool length. */
const PREFIX_BYTES = 9;

/** Formats of an entry that is a resource: 0 up to this, since its first byte is its pool encoding. */
export const RESOURCE_FORMATS: number = POOL_ENCODING.length;

/** One value as bytes that stand for themselves, with their own pool of text. */
export function encodeValue(value: unknown): Buffer {
  const writer = new PayloadWriter(PREFIX_BYTES, 1024);
  writer.value(value);
  const structureLength = writer.at - PREFIX_BYTES;
  const { encoding, byteLength } = writer.measurePool();
  writer.ensure(byteLength);
  writer.writePool(encoding);
  writer.bytes[0] = encoding;
  writer.bytes.writeUInt32LE(structureLength, 1);
  writer.bytes.writeUInt32LE(byteLength, 5);
  return Buffer.from(writer.bytes.subarray(0, writer.at));
}

/** @throws MalformedPayloadError */
export function decodeValue(bytes: Buffer): unknown {
  if (bytes.length < PREFIX_BYTES) throw new MalformedPayloadError('a value is cut');
  return new PayloadReader(
    bytes,
    { start: PREFIX_BYTES, length: bytes.readUInt32LE(1) },
    { encoding: bytes[0] as number, length: bytes.readUInt32LE(5) },
  ).value();
}

/** A resource as it was when its records were written. Has what exporters use of the SDK's. */
export class SpooledResource {
  readonly attributes: Record<string, unknown>;
  readonly schemaUrl: string | undefined;
  readonly asyncAttributesPending: boolean = false;
  /** Set when attributes were still to come when the records were written: a later entry may have them all. */
  readonly pendingId: string | undefined;

  constructor(attributes: Record<string, unknown>, schemaUrl: string | undefined, pendingId?: string) {
    this.attributes = attributes;
    this.schemaUrl = schemaUrl;
    this.pendingId = pendingId;
  }

  waitForAsyncAttributes(): Promise<void> {
    return Promise.resolve();
  }

  getRawAttributes(): [string, unknown][] {
    return Object.entries(this.attributes);
  }

  /** Attributes of the other one win, as in the SDK. */
  merge(other: Pick<Resource, 'attributes'> & { readonly schemaUrl?: string }): SpooledResource {
    return new SpooledResource({ ...this.attributes, ...other.attributes }, other.schemaUrl ?? this.schemaUrl);
  }
}

/** The bytes of resources and scopes, made once per object. */
export class OriginEncoder {
  readonly #resources = new WeakMap<object, { readonly blob: Buffer; readonly isPending: boolean }>();
  readonly #scopes = new WeakMap<object, Buffer>();
  readonly #onPending: (resource: Resource, id: string) => void;

  /** @param onPending Told once of each resource that is written before all its attributes are known. */
  constructor(onPending: (resource: Resource, id: string) => void) {
    this.#onPending = onPending;
  }

  resource(resource: Resource): Buffer {
    const isPending = resource.asyncAttributesPending === true;
    const known = this.#resources.get(resource);
    if (known !== undefined && (known.isPending === isPending || !known.isPending)) return known.blob;
    const id = isPending ? randomBytes(12).toString('hex') : undefined;
    const blob = encodeResource(resource, id);
    this.#resources.set(resource, { blob, isPending });
    if (id !== undefined) this.#onPending(resource, id);
    return blob;
  }

  scope(scope: Scope): Buffer {
    let blob = this.#scopes.get(scope);
    if (blob === undefined) {
      const { name, version, schemaUrl, attributes, droppedAttributesCount } = scope;
      blob = encodeValue(toPlainValue({ name, version, schemaUrl, attributes, droppedAttributesCount }));
      this.#scopes.set(scope, blob);
    }
    return blob;
  }
}

/** @param pendingId Of a resource whose attributes are not all known; under the same id they come later. */
export function encodeResource(resource: Resource, pendingId: string | undefined): Buffer {
  return encodeValue({
    attributes: toPlainValue(readSafely(() => knownAttributes(resource))),
    schemaUrl: resource.schemaUrl,
    pendingId,
  });
}

/** The SDK's getter complains aloud while attributes are pending, so the raw ones are looked at then. */
function knownAttributes(resource: Resource): unknown {
  if (resource.asyncAttributesPending !== true || typeof resource.getRawAttributes !== 'function') {
    return resource.attributes;
  }
  const known: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of resource.getRawAttributes()) {
    const isLater = typeof (value as { then?: unknown } | undefined)?.then === 'function';
    if (!isLater && value !== null && value !== undefined) known[key] ??= value;
  }
  return known;
}

/** Beyond this many different resources or scopes the cache starts anew. */
const MAX_CACHED = 1_000;

/** Rebuilds resources and scopes, one object for the same bytes: OTLP exporters group records by identity. */
export class OriginDecoder {
  readonly #resources = new Map<string, SpooledResource>();
  readonly #scopes = new Map<string, Scope>();

  /** @throws MalformedPayloadError */
  resource(blob: Buffer): SpooledResource {
    return cached(this.#resources, blob, decodeResource);
  }

  /** @throws MalformedPayloadError */
  scope(blob: Buffer): Scope {
    return cached(this.#scopes, blob, (bytes) => {
      const { name, version, schemaUrl, attributes, droppedAttributesCount } = decodeValue(bytes) as Scope;
      return {
        name,
        ...(version === undefined ? {} : { version }),
        ...(schemaUrl === undefined ? {} : { schemaUrl }),
        ...(attributes === undefined ? {} : { attributes }),
        ...(droppedAttributesCount === undefined ? {} : { droppedAttributesCount }),
      };
    });
  }
}

/** @throws MalformedPayloadError */
export function decodeResource(blob: Buffer): SpooledResource {
  const value = decodeValue(blob) as { attributes?: unknown; schemaUrl?: string; pendingId?: string } | undefined;
  const attributes = value?.attributes;
  const isRecord = typeof attributes === 'object' && attributes !== null;
  return new SpooledResource(
    isRecord ? (attributes as Record<string, unknown>) : {},
    value?.schemaUrl,
    value?.pendingId,
  );
}

function cached<T>(cache: Map<string, T>, blob: Buffer, make: (blob: Buffer) => T): T {
  const key = blob.toString('latin1');
  let value = cache.get(key);
  if (value === undefined) {
    if (cache.size >= MAX_CACHED) cache.clear();
    value = make(blob);
    cache.set(key, value);
  }
  return value;
}
