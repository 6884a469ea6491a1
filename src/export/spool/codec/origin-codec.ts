import { randomBytes } from 'node:crypto';

import type { ReadableLogRecord } from '../../../otel/log-record.ts';
import { isThenable } from '../../../support/thenable.ts';
import { MalformedPayloadError, PayloadReader } from './payload-reader.ts';
import { PayloadWriter, POOL_ENCODING } from './payload-writer.ts';
import { readSafely, toPlainValue } from './plain-value.ts';

export type RecordResource = ReadableLogRecord['resource'];
export type RecordScope = ReadableLogRecord['instrumentationScope'];

/** Bytes before a stand-alone value: pool encoding (1), structure length (4), pool length (4). */
const VALUE_PREFIX_BYTES = 9;

/** Formats of resource payloads are below this: their first byte, the pool encoding, serves as the format. */
export const RESOURCE_FORMATS: number = POOL_ENCODING.length;

/** Encodes one value with a pool of text of its own, so that it can be decoded alone. */
function encodeValue(value: unknown): Buffer {
  const writer = new PayloadWriter(VALUE_PREFIX_BYTES, 1024);
  writer.value(value);
  const structureLength = writer.at - VALUE_PREFIX_BYTES;
  const { encoding, byteLength } = writer.measurePool();
  writer.ensure(byteLength);
  writer.writePool(encoding);
  writer.bytes[0] = encoding;
  writer.bytes.writeUInt32LE(structureLength, 1);
  writer.bytes.writeUInt32LE(byteLength, 5);
  return Buffer.from(writer.bytes.subarray(0, writer.at));
}

/** @throws MalformedPayloadError */
function decodeValue(bytes: Buffer): unknown {
  if (bytes.length < VALUE_PREFIX_BYTES) throw new MalformedPayloadError('a value is cut');
  return new PayloadReader(
    bytes,
    { start: VALUE_PREFIX_BYTES, length: bytes.readUInt32LE(1) },
    { encoding: bytes[0] as number, length: bytes.readUInt32LE(5) },
  ).value();
}

/** A resource as it was when its records were written, with the members of the SDK's class that exporters use. */
export class SpooledResource {
  readonly attributes: Record<string, unknown>;
  readonly schemaUrl: string | undefined;
  readonly asyncAttributesPending: boolean = false;
  /** Set if some attributes were still unknown when the records were written: a later frame may hold all of them. */
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

  /** Merges two resources. For an attribute of both, the value of `other` counts, as in the SDK. */
  merge(other: Pick<RecordResource, 'attributes'> & { readonly schemaUrl?: string }): SpooledResource {
    return new SpooledResource({ ...this.attributes, ...other.attributes }, other.schemaUrl ?? this.schemaUrl);
  }
}

/** Returns the bytes of resources and scopes. */
export interface StoredBlobs {
  resource(resource: RecordResource): Buffer;
  scope(scope: RecordScope): Buffer;
}

/** Returns the resources and scopes for bytes. @throws MalformedPayloadError */
export interface ResourcesAndScopes {
  resource(blob: Buffer): SpooledResource;
  scope(blob: Buffer): RecordScope;
}

/** Encodes resources and scopes, each object once. */
export class OriginEncoder implements StoredBlobs {
  readonly #resources = new WeakMap<object, { readonly blob: Buffer; readonly isPending: boolean }>();
  readonly #scopes = new WeakMap<object, Buffer>();
  readonly #onPending: (resource: RecordResource, id: string) => void;

  /** @param onPending Called once for each resource that is written before all its attributes are known. */
  constructor(onPending: (resource: RecordResource, id: string) => void) {
    this.#onPending = onPending;
  }

  resource(resource: RecordResource): Buffer {
    const isPending = resource.asyncAttributesPending === true;
    const known = this.#resources.get(resource);
    if (known !== undefined && (known.isPending === isPending || !known.isPending)) return known.blob;
    const id = isPending ? randomBytes(12).toString('hex') : undefined;
    const blob = encodeResource(resource, id);
    this.#resources.set(resource, { blob, isPending });
    if (id !== undefined) this.#onPending(resource, id);
    return blob;
  }

  scope(scope: RecordScope): Buffer {
    let blob = this.#scopes.get(scope);
    if (blob === undefined) {
      const { name, version, schemaUrl, attributes, droppedAttributesCount } = scope;
      blob = encodeValue(toPlainValue({ name, version, schemaUrl, attributes, droppedAttributesCount }));
      this.#scopes.set(scope, blob);
    }
    return blob;
  }
}

/** @param pendingId Id of a resource whose attributes are not all known yet; they follow later under the same id. */
export function encodeResource(resource: RecordResource, pendingId: string | undefined): Buffer {
  return encodeValue({
    attributes: toPlainValue(readSafely(() => knownAttributes(resource))),
    schemaUrl: resource.schemaUrl,
    pendingId,
  });
}

/** Reads the raw attributes, because the SDK's getter logs a warning while attributes are pending. */
function knownAttributes(resource: RecordResource): unknown {
  if (resource.asyncAttributesPending !== true || typeof resource.getRawAttributes !== 'function') {
    return resource.attributes;
  }
  const known: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of resource.getRawAttributes()) {
    const isLater = isThenable(value);
    if (!isLater && value !== null && value !== undefined) known[key] ??= value;
  }
  return known;
}

/** The cache is emptied when it holds this many resources or scopes. */
const MAX_CACHED = 1_000;

/**
 * Decodes resources and scopes, the same bytes to the same object, because OTLP exporters group records by identity.
 */
export class OriginDecoder implements ResourcesAndScopes {
  readonly #resources = new Map<string, SpooledResource>();
  readonly #scopes = new Map<string, RecordScope>();

  /** @throws MalformedPayloadError */
  resource(blob: Buffer): SpooledResource {
    return cached(this.#resources, blob, decodeResource);
  }

  /** @throws MalformedPayloadError */
  scope(blob: Buffer): RecordScope {
    return cached(this.#scopes, blob, (bytes) => {
      const { name, version, schemaUrl, attributes, droppedAttributesCount } = decodeValue(bytes) as RecordScope;
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
