import { Schema } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { CorruptError } from "../errors.js";
import { MemoryStore } from "../storage/memory-store.js";
import { logEntry, logSchema, storeWith } from "./log.fixture.js";
import { type SurveyFinding, type SurveyOptions, surveyLog } from "./log-survey.js";
import { walKey } from "./names.js";
import { encodeSentinel } from "./wal-entry.js";

const three = { from: 10, rows: 3 };

async function findings(store: MemoryStore, options: Partial<SurveyOptions> = {}): Promise<SurveyFinding[]> {
  const found: SurveyFinding[] = [];
  for await (const finding of surveyLog(store, { replayAfter: 0, ...options })) found.push(finding);
  return found;
}

const positions = (found: readonly SurveyFinding[]): string[] =>
  found.map((finding) =>
    finding.kind === "missing"
      ? `missing ${finding.from}-${finding.to}`
      : `${finding.position}${finding.damage === undefined ? "" : " damaged"}${finding.covered ? " covered" : ""}`,
  );

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

describe("surveyLog", () => {
  it("tells of each entry what it is, in the order of positions", async () => {
    const counters = new Map([["a", 7n]]);
    const entries = Array.from({ length: 20 }, (_, i) => ({ from: 10 * i, rows: i + 1, counters }));
    const store = await storeWith([...entries, { ...three, foreign: true }, encodeSentinel(4)]);
    const found = await findings(store);
    expect(positions(found)).toEqual(Array.from({ length: 22 }, (_, i) => `${i + 1}`));
    expect(found[4]).toMatchObject({
      key: walKey(5),
      bytes: logEntry({ from: 40, rows: 5, counters }).length,
      inspection: { rows: 5, batches: 1, checksum: "ok", own: { counters } },
      unreadable: false,
    });
    expect(found[20]).toMatchObject({ inspection: { rows: 3, checksum: "absent", own: undefined } });
    expect(found[21]).toMatchObject({ inspection: { rows: 0, sentinel: true, writerEpoch: 4 } });
  });

  it("goes on behind damage, and says what it is", async () => {
    const whole = logEntry(three);
    const store = await storeWith([
      three,
      new Uint8Array(0),
      whole.subarray(0, 700),
      flipped(whole, whole.length - 100),
      whole.subarray(0, whole.length - 8),
      three,
    ]);
    const found = await findings(store);
    expect(positions(found)).toEqual(["1", "2 damaged", "3 damaged", "4 damaged", "5 damaged", "6"]);
    const damage = found.map((finding) => (finding.kind === "entry" ? finding.damage : ""));
    expect(damage[1]).toBe("bytes 0 to 0: the file is empty; expected an Arrow stream");
    expect(damage[2]).toMatch(/^bytes \d+ to 700: the file is cut off/);
    expect(damage[3]).toMatch(/they do not agree with their checksum$/);
    expect(damage[4]).toMatch(/cut off: it does not end with the end-of-stream marker/);
    expect(found[3]).toMatchObject({ inspection: { rows: 3, checksum: "wrong" } });
  });

  it("finds what is missing: at the start, between entries, behind the last one", async () => {
    const store = await storeWith([undefined, three, undefined, undefined, three]);
    expect(positions(await findings(store, { lastSeen: 8 }))).toEqual([
      "missing 1-2",
      "2",
      "missing 3-5",
      "5",
      "missing 6-9",
    ]);
    expect(positions(await findings(store, { replayAfter: 3, lastSeen: 5 }))).toEqual([
      "2 covered",
      "missing 4-5",
      "5",
    ]);
    expect(positions(await findings(store, { replayAfter: 7, lastSeen: 7 }))).toEqual(["2 covered", "5 covered"]);
    expect(await findings(new MemoryStore())).toEqual([]);
  });

  it("passes over what is no entry of the log", async () => {
    const store = await storeWith([three]);
    for (const key of [walKey(0), "wal/x.arrow", `wal/aside/${walKey(9).slice(4)}`, `${walKey(9)}x`]) {
      await store.putIfAbsent(key, [logEntry(three)]);
    }
    expect(positions(await findings(store))).toEqual(["1"]);
  });

  it("holds entries against the table's columns, and those without a checksum against what lies in them", async () => {
    const foreign = logEntry({ ...three, foreign: true });
    const torn = Uint8Array.from(foreign);
    // The last offset of `note`, in front of its text.
    const offsets = Buffer.from(torn.buffer).indexOf("note 10") - 64;
    new DataView(torn.buffer).setInt32(offsets + 12, 1_000_000, true);
    const store = await storeWith([three, { ...three, foreign: true }, torn]);
    expect(positions(await findings(store))).toEqual(["1", "2", "3"]);
    expect(positions(await findings(store, { schema: logSchema }))).toEqual(["1", "2", "3 damaged"]);
    const other = await findings(store, { schema: logSchemaWith("text") });
    expect(positions(other)).toEqual(["1 damaged", "2 damaged", "3 damaged"]);
    const covered = await findings(store, { schema: logSchemaWith("text"), replayAfter: 2 });
    expect(positions(covered)).toEqual(["1 covered", "2 covered", "3 damaged"]);
    expect(other[0]).toMatchObject({ damage: expect.stringMatching(/columns are not the table's.*"note"/) });
  });

  it("tells an entry that cannot be read from one that is damaged", async () => {
    const store = await storeWith([three, three]);
    store.faults.add({ op: "get", key: walKey(1), action: "failBefore", error: "storage" });
    expect(await findings(store)).toMatchObject([{ unreadable: true, damage: expect.any(String) }, { position: 2 }]);
  });

  it("lets an error of the listing through, and the signal's reason", async () => {
    const store = await storeWith([three]);
    const reason = new Error("enough");
    await expect(findings(store, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    store.faults.add({ op: "list", action: "failBefore", error: "storage" });
    await expect(findings(store)).rejects.not.toBeInstanceOf(CorruptError);
  });
});

/** The log's schema, with another name for `note`. */
function logSchemaWith(name: string): Schema {
  return new Schema(logSchema.fields.map((field) => (field.name === "note" ? field.clone({ name }) : field)));
}
