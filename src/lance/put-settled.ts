/**
 * Put-if-absent with a certain outcome.
 *
 * A reply can be lost: then the object may be there, or may come to be there when the request is carried out late. Both are settled by
 * asking again for the same bytes under the same key. Either the second request creates the object (a late first one then finds it
 * taken), or the key is taken and its contents say by whom.
 *
 * @module
 */
import { OutcomeUnknownError } from "../errors.js";
import { ObjectExistsError, type ObjectStore, type PutOptions } from "../storage/object-store.js";

/** How often a request is made whose replies are lost. */
const MAX_TRIES = 8;

/**
 * Creates an object unless there is one under this key.
 *
 * @param bytes must be bytes that nobody else would put under this key, or that mean the same whoever put them
 * @returns whether the object is ours; false when the key was taken by other bytes
 * @throws OutcomeUnknownError when every reply was lost, or what became of the object cannot be found out (an fsync failed)
 */
export async function putSettled(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  options: PutOptions = {},
): Promise<boolean> {
  let lost: OutcomeUnknownError | undefined;
  for (let i = 0; i < MAX_TRIES; i++) {
    try {
      await store.putIfAbsent(key, [bytes], options);
      return true;
    } catch (error) {
      // Only after a lost reply can the object be ours: the first to ask, told that it exists, has not made it.
      if (error instanceof ObjectExistsError) {
        if (lost === undefined || !(await holds(store, key, bytes))) return false;
        // A request whose reply is lost may have come to its end, or not as far as making the object durable.
        await store.sync([key]);
        return true;
      }
      if (!(error instanceof OutcomeUnknownError && error.retryable)) throw error;
      lost = error;
    }
  }
  throw lost ?? new Error("unreachable");
}

async function holds(store: ObjectStore, key: string, bytes: Uint8Array): Promise<boolean> {
  return Buffer.compare(await store.get(key), bytes) === 0;
}
