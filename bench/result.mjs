/**
 * Results: what a case found, held against its target, and how it is shown.
 */
// @ts-check

/**
 * What a case must reach.
 *
 * @typedef {object} Target
 * @property {string} text says what `ratio` is where there is a peer
 * @property {(median: number, ratio: number) => boolean} meets
 * @property {boolean} [inverse] true when the ratio is peer / median
 */

/**
 * One line of the report. `ratio` is median / peer_median unless the target says otherwise; null without a peer. `meets` is null without
 * a target: then the figure is for information.
 *
 * @typedef {object} Result
 * @property {string} case
 * @property {string} unit
 * @property {number} median
 * @property {string | null} peer
 * @property {number | null} peer_median
 * @property {number | null} ratio
 * @property {string | null} target
 * @property {boolean | null} meets
 */

/** @param {number} times @returns {Target} */
export function atMostTimesPeer(times) {
  return { text: `<= ${times} x peer (ratio = median / peer)`, meets: (_, ratio) => ratio <= times };
}

/** For figures where more is better. @param {number} times @returns {Target} */
export function atLeastTimesPeer(times) {
  return { text: `>= ${times} x peer (ratio = median / peer)`, meets: (_, ratio) => ratio >= times };
}

/** @param {number} times @returns {Target} */
export function timesFasterThanPeer(times) {
  return { text: `>= ${times} x faster (ratio = peer / median)`, meets: (_, ratio) => ratio >= times, inverse: true };
}

/** @param {number} bound @param {string} unit @returns {Target} */
export function below(bound, unit) {
  return { text: `< ${bound} ${unit}`, meets: (median) => median < bound };
}

/** @param {number} bound @param {string} unit @returns {Target} */
export function atMost(bound, unit) {
  return { text: `<= ${bound} ${unit}`, meets: (median) => median <= bound };
}

/** For figures where more is better. @param {number} bound @param {string} unit @returns {Target} */
export function atLeast(bound, unit) {
  return { text: `>= ${bound} ${unit}`, meets: (median) => median >= bound };
}

/**
 * @param {string} name
 * @param {string} unit of both medians
 * @param {number} median
 * @param {{ peer?: string, peerMedian?: number, target?: Target }} [against]
 * @returns {Result}
 */
export function result(name, unit, median, { peer, peerMedian, target } = {}) {
  const quotient = peerMedian === undefined ? undefined : median / peerMedian;
  const ratio = quotient !== undefined && target?.inverse ? 1 / quotient : quotient;
  return {
    case: name,
    unit,
    median: rounded(median),
    peer: peer ?? null,
    peer_median: peerMedian === undefined ? null : rounded(peerMedian),
    ratio: ratio === undefined ? null : rounded(ratio),
    target: target?.text ?? null,
    meets: target === undefined ? null : target.meets(median, ratio ?? Number.NaN),
  };
}

/** Four digits: more would be noise. @param {number} value */
function rounded(value) {
  return Number(value.toPrecision(4));
}

const COLUMNS = /** @type {const} */ (["case", "median", "unit", "ratio", "target", "meets", "peer", "peer median"]);

/**
 * The results as a table for people.
 *
 * @param {readonly Result[]} results
 */
export function table(results) {
  const lines = [[...COLUMNS], ...results.map(cells)];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** @param {Result} found @returns {string[]} */
function cells(found) {
  const meets = found.meets === null ? "" : found.meets ? "yes" : "NO";
  return [
    found.case,
    `${found.median}`,
    found.unit,
    `${found.ratio ?? ""}`,
    found.target ?? "",
    meets,
    found.peer ?? "",
    `${found.peer_median ?? ""}`,
  ];
}
