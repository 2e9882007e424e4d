/**
 * Ids of shards: UUIDs, made from what the shard holds, so that every writer of a table comes to the same ones.
 *
 * LanceDB 0.39 derives them as UUIDs of version 5 (RFC 9562: SHA-1 of a namespace and a name) in a namespace of its own, whose bytes are the
 * ASCII text `LSMWRITE_SHARD01`, from the names `unsharded`, `bucket-<n>` and `identity-` followed by the value's bytes.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { UsageError } from "../errors.js";

const UUID_BYTES = 16;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const MAX_BUCKETS = 1024;

/** Namespace of the ids that LanceDB gives to shards. */
const NAMESPACE = Buffer.from("LSMWRITE_SHARD01", "latin1");

/** Id of the one shard of a table without sharding. */
export const UNSHARDED_SHARD_ID = uuidV5(NAMESPACE, Buffer.from("unsharded"));

/** Id of the shard that holds bucket `bucket`, which is 0 to 1023. */
export function bucketShardId(bucket: number): string {
  if (!Number.isInteger(bucket) || bucket < 0 || bucket >= MAX_BUCKETS) {
    throw new UsageError(`bucket is ${bucket}; expected a whole number from 0 to ${MAX_BUCKETS - 1}`);
  }
  return uuidV5(NAMESPACE, Buffer.from(`bucket-${bucket}`));
}

/**
 * Id of the shard that holds the rows with one value in the sharding column.
 *
 * @param value the value's bytes: integers little-endian in their own width, a bool as one byte, text as UTF-8
 */
export function identityShardId(value: Uint8Array): string {
  return uuidV5(NAMESPACE, Buffer.concat([Buffer.from("identity-"), value]));
}

/** The UUID of version 5 of a name within a namespace of 16 bytes. */
export function uuidV5(namespace: Uint8Array, name: Uint8Array): string {
  const bytes = createHash("sha1").update(namespace).update(name).digest().subarray(0, UUID_BYTES);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return formatUuid(bytes);
}

/** 16 bytes as text with hyphens, in lower case. */
export function formatUuid(bytes: Uint8Array): string {
  if (bytes.byteLength !== UUID_BYTES) {
    throw new UsageError(`a UUID has ${UUID_BYTES} bytes, not ${bytes.byteLength}`);
  }
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, UUID_BYTES).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Whether this is a UUID with hyphens, in lower case: the only form in which they name shards. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** The bytes of a UUID with hyphens, in lower case. @throws UsageError for anything else */
export function parseUuid(text: string): Uint8Array {
  if (!isUuid(text)) {
    throw new UsageError(
      `${JSON.stringify(text)} is no UUID; expected lower-case hexadecimal digits in groups of 8-4-4-4-12`,
    );
  }
  return Uint8Array.from(Buffer.from(text.replaceAll("-", ""), "hex"));
}
