import { OriginDecoder } from './origin-codec.ts';
import type { RecordResource, RecordScope, ResourcesAndScopes, SpooledResource, StoredBlobs } from './origin-codec.ts';

/** Resources and scopes of frames that are rewritten, which keep their original bytes. */
export class StoredOrigins {
  readonly #decoder = new OriginDecoder();
  readonly #blobs = new Map<object, Buffer>();

  /** For reading the frames. */
  readonly decoding: ResourcesAndScopes = {
    resource: (blob: Buffer): SpooledResource => this.#noted(this.#decoder.resource(blob), blob),
    scope: (blob: Buffer): RecordScope => this.#noted(this.#decoder.scope(blob), blob),
  };

  /** For writing them. */
  readonly encoding: StoredBlobs = {
    resource: (resource: RecordResource): Buffer => this.#blobOf(resource),
    scope: (scope: RecordScope): Buffer => this.#blobOf(scope),
  };

  #noted<T extends object>(origin: T, blob: Buffer): T {
    this.#blobs.set(origin, Buffer.from(blob));
    return origin;
  }

  #blobOf(origin: object): Buffer {
    const blob = this.#blobs.get(origin);
    if (blob === undefined) throw new Error('a resource or scope was not read here');
    return blob;
  }
}
