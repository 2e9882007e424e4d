/**
 * What a log on object storage needs of a store, and nothing more: no renames, no appends, no directories.
 *
 * Keys are paths relative to the store's root, with `/` between their parts (object-key.ts): each part is 1 to 255 bytes of letters,
 * digits and `. _ - =`, neither starts nor ends with a dot, is no device's name on Windows, and there are at most 8 of them. An object is
 * whole or absent: no reader ever sees a part of one.
 *
 * Errors, the same for every implementation:
 *
 * | class | meaning | what was written |
 * |---|---|---|
 * | `ObjectExistsError` | the key is taken | nothing |
 * | `ObjectNotFoundError` | there is no such object | nothing |
 * | `RetryableError` | a passing failure (throttled, busy, interrupted) | nothing |
 * | `OutcomeUnknownError` | the request may have happened. `retryable`: doing the same again settles it (a lost reply). Not `retryable`: it does not (an fsync failed after the object had its name) | perhaps |
 * | `StorageError` | the store refused for a reason that does not pass by itself | nothing |
 * | `UsageError` | the key or a range is malformed, or the object is larger than {@link MAX_OBJECT_BYTES} | nothing |
 * | `ClosedError` | the store was closed before | nothing |
 *
 * An `AbortSignal` is honoured before the request is made, never in its midst: then the call rejects with the signal's reason.
 *
 * @module
 */
import { ConflictError, GoneError } from "../errors.js";

/** The largest object that is put or got as a whole, or range that is got at once: 1 GiB. */
export const MAX_OBJECT_BYTES = 2 ** 30;

/** What every request takes. */
export interface RequestOptions {
  /** Aborted before the request is made, the call rejects with its reason; later it has no effect. */
  readonly signal?: AbortSignal | undefined;
}

/** An object, as `head` tells of it. */
export interface ObjectInfo {
  readonly key: string;
  /** Bytes of its contents. */
  readonly bytes: number;
}

/** An object, as `list` tells of it: finding its size would cost a local store a call for each. */
export interface ListedObject {
  readonly key: string;
}

/** How an object is put. */
export interface PutOptions extends RequestOptions {
  /**
   * Whether the object must survive a loss of power when the promise resolves. With `false` it survives the end of the process, and
   * {@link ObjectStore.sync} makes it durable. Stores that know no difference ignore it.
   * @default true
   */
  readonly durable?: boolean;
}

/** How an object is got. */
export interface GetOptions extends RequestOptions {
  /**
   * Hands over the memory to read into, when told how many bytes it must hold at least; it may be shared. What is returned is a view
   * on its beginning. Memory that was used before is filled several times faster than fresh memory, whose pages are touched first.
   * @default fresh memory of just that size
   */
  readonly into?: ((bytes: number) => Uint8Array) | undefined;
}

/** Which objects are listed. */
export interface ListOptions extends RequestOptions {
  /** Only keys after this one, in the order of their bytes. */
  readonly startAfter?: string | undefined;
  /** At most so many. @default no limit */
  readonly limit?: number | undefined;
}

export interface ObjectStore {
  /** What errors call this store: a path, a URL. */
  readonly name: string;

  /**
   * Creates an object, unless there is one under this key. Of several callers at once exactly one succeeds.
   *
   * @param parts its contents, one after the other; may lie in shared memory, must not change before the promise settles
   * @throws ObjectExistsError when the key is taken
   */
  putIfAbsent(key: string, parts: readonly Uint8Array[], options?: PutOptions): Promise<void>;

  /** Creates or replaces an object. For hints only: after a loss of power it may be the former one, torn, or absent. */
  put(key: string, parts: readonly Uint8Array[], options?: RequestOptions): Promise<void>;

  /** The whole object, as bytes of its own unless told where to put them. @throws ObjectNotFoundError */
  get(key: string, options?: GetOptions): Promise<Uint8Array>;

  /**
   * Bytes [start, end) of the object; fewer when it ends before.
   *
   * @throws ObjectNotFoundError
   */
  getRange(key: string, start: number, end: number, options?: GetOptions): Promise<Uint8Array>;

  /** What is known of the object, undefined when there is none. */
  head(key: string, options?: RequestOptions): Promise<ObjectInfo | undefined>;

  /**
   * The objects whose keys start with `prefix` (whole parts, ending in `/`, or empty for all), in the order of the bytes of their keys.
   * It is no snapshot: objects that come or go meanwhile may be told of or not.
   */
  list(prefix: string, options?: ListOptions): AsyncIterable<ListedObject>;

  /** Removes the object; removing one that is not there is no error. */
  delete(key: string, options?: RequestOptions): Promise<void>;

  /**
   * Makes these objects, and their names, survive a loss of power, whoever has written them.
   *
   * @throws ObjectNotFoundError when one is gone; OutcomeUnknownError when the system could not do it (never retried on the same object)
   */
  sync(keys: readonly string[], options?: RequestOptions): Promise<void>;

  /** Gives back what the store holds; the objects stay. Further requests are `ClosedError`s; closing again is none. */
  close(): Promise<void>;
}

/** The key is taken. */
export class ObjectExistsError extends ConflictError {}

/** There is no such object. */
export class ObjectNotFoundError extends GoneError {}
