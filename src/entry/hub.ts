/**
 * `starling-rm/hub`: downloads checkpoints from Hugging Face.
 *
 * @module hub
 */

export { type PullOptions, type PullResult, pull } from "../hub/pull.ts";
export type { HubOptions } from "../hub/settings.ts";
