/**
 * The dictionary of one dictionary-encoded column: how its values are laid out in messages of their own. Every such column
 * has its own dictionary, with its own id, even where the user's schema shares one between columns.
 *
 * @module
 */
import type { Column } from "./columns/column.js";
import type { MessageTemplate } from "./message.js";

export class DictionaryPlan {
  /** Id in the IPC messages. */
  readonly id: number;
  /** Place in the list of the schema's dictionaries, where inner ones come before those whose values contain them. */
  readonly index: number;
  /** The values, as a column of a message of its own. */
  readonly values: Column;
  readonly template: MessageTemplate;
  /** Writer only: how many values the dictionary has that the next batch will refer to. */
  lengthInForce = 0;

  constructor(id: number, index: number, values: Column, template: MessageTemplate) {
    this.id = id;
    this.index = index;
    this.values = values;
    this.template = template;
  }
}
